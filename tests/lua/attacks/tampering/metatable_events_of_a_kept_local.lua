-- expect: nothing; state kept
local function loop() while true do end end
for _, value in ipairs({ probe_kept }) do
  setmetatable(value, { __name = "x", __pairs = nil })
  setmetatable(value, nil)
end
