-- expect: error ~ "protected"
setmetatable(app, {})
