-- expect: nothing; state kept
local function loop() while true do end end
local _ = setmetatable(_G, { __index = loop, __newindex = loop, __pairs = loop, __len = loop, __call = loop, __eq = loop, __tostring = loop,
  __metatable = "tampered", __name = "tampered", __mode = "kv", __concat = loop, __close = loop })
