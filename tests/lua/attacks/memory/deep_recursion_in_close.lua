-- expect: harmless
local function f() local held <close> = setmetatable({}, { __close = function() f() end }) end
f()
