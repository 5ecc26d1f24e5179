-- expect: harmless
return load("if x then " .. ("elseif x then "):rep(60000) .. "end")
