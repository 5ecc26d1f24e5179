-- expect: values [1, 2]
local first = 1 -- keep;f()
local second = 2 --[[ ; g() ]]
-- next cell
return first, second
