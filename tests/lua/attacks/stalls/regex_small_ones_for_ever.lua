-- expect: limit cpu_limit|call_limit; state kept
while true do regex.match("abc", "b") end
