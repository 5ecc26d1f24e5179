-- expect: limit cpu_limit; state kept
while true do math.random(0) math.randomseed(1) end
