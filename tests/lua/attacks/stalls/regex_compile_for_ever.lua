-- expect: harmless
while true do pcall(regex.match, "x", ("(?:a|b|c){1,9}"):rep(60)) end
