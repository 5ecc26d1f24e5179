-- expect: limit cpu_limit
while true do dump({ 1, { 2 } }) end
