-- expect: limit cpu_limit; state kept
while true do load("return " .. ("1 + "):rep(100) .. "1")() end
