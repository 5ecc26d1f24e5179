-- expect: limit cpu_limit; state kept
while true do pcall(json.decode, ("["):rep(5000)) end
