-- expect: limit cpu_limit|memory_limit
local t = { 1 }
while true do
  for key in pairs(t) do t[key .. ""] = true break end
  t[#t + 1] = true
end
