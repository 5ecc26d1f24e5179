-- expect: nothing; state kept
local _ENV <const> = { print = 1 }
