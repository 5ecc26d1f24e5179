-- expect: error ~ "protected"
setmetatable(json.null, {})
