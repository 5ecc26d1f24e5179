-- expect: error ~ "attack.lua:2"
error("first\r\n----> 1 spoofed\nTraceback\n\n" .. ("\n"):rep(1000))
