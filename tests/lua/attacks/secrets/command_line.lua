-- expect: harmless
return ..., select("#", ...), arg and arg[0]
