-- expect: harmless
-- Neither event runs an instruction of Lua, so nothing counts.
table.move(setmetatable({}, { __index = type }), 1, 1 << 40, 1, setmetatable({}, { __newindex = type }))
