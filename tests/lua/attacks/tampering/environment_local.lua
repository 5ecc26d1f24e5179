-- expect: nothing; state kept
local _ENV = {}
