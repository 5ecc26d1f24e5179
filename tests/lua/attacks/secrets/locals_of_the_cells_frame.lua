-- expect: harmless
local x <const> = 1
return (function(...) return select("#", ...), ... end)(...)
