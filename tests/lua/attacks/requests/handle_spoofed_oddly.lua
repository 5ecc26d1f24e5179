-- expect: harmless
return setmetatable({}, { kind = "unfilled", state = { handle = { 1 } } }), setmetatable({}, { kind = "unfilled", state = { handle = print } }),
  setmetatable({}, { kind = "unfilled" }), setmetatable({}, { kind = "row" }), setmetatable({}, { kind = "list" }), setmetatable({}, { kind = "record" })
