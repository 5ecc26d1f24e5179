-- expect: limit memory_limit|cpu_limit
local n, t = 0, {}
while true do
  n = n + 1
  t[n] = json.decode('{"k' .. n .. '": {"l' .. n .. '": null}}')
end
