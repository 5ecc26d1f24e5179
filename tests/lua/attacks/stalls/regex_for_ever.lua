-- expect: limit cpu_limit; state kept
while true do pcall(regex.match, ("a"):rep(40) .. "b", "^(a+)+$") end
