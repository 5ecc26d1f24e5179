-- expect: harmless
return load("do " .. ("goto far "):rep(60000) .. " ::far:: end")
