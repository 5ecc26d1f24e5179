-- expect: harmless
return pcall(regex.match, ("ab"):rep(40) .. "c", "^(?:(?:ab|a|b|ba)+)+$")
