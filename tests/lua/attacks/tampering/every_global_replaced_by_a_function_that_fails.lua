-- expect: nothing; state kept
local take, fail, globals = next, error, _G
for name in take, globals do globals[name] = function() fail("tampered") end end
