-- expect: limit cpu_limit|memory_limit
local text = "local text = ... return load(text)(text)"
return load(text)(text)
