-- expect: values [[1, null, 3], 3, true]
local made = parallel.map({ 1, 2, 3 }, function(n) if n ~= 2 then return n end end)
return made, #made, made[2] == json.null
