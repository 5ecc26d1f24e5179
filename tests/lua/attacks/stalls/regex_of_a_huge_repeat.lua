-- expect: harmless
return pcall(regex.match, "x", "(((a{1,30000}){1,30000}){1,30000})")
