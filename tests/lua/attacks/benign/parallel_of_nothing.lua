-- expect: values [[], 0, null]
local empty = parallel.map({}, error)
return empty, #empty, empty[1]
