-- expect: values [false, false]
return getmetatable(nil), (pcall(setmetatable, nil, {}))
