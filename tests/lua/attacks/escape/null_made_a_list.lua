-- expect: error ~ "cannot be changed"
json.array(json.null)
