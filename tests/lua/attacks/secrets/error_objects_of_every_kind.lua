-- expect: error ~ "attack.lua:2: {"
error({ token = "?", message = setmetatable({}, { __tostring = error }) })
