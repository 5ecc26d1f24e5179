-- expect: nothing; state kept
local take, globals = next, _G
for name in take, globals do globals[name] = nil end
