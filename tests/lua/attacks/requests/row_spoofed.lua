-- expect: value []
return setmetatable({}, { kind = "row", path = {}, columns = {}, state = { handle = 1, dirty = {}, blocks = {}, loose = {} } })
