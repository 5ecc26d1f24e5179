-- expect: limit cpu_limit; state kept
local form = ("%5.1f"):rep(200)
local numbers = {}
for i = 1, 200 do numbers[i] = i end
while true do form:format(table.unpack(numbers)) end
