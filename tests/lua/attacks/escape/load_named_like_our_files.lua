-- expect: value true
-- Were the chunk taken for one of ours, its line would not be named.
local _, problem = pcall(load("error('x')", "@prelude"))
return problem:find(":1: x", 1, true) ~= nil and problem ~= "x"
