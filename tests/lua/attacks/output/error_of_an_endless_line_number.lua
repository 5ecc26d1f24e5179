-- expect: error ~ "attack.lua:"
error("attack.lua:" .. ("9"):rep(5000) .. ": x", 0)
