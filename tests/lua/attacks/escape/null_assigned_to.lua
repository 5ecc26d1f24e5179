-- expect: error ~ "cannot be changed"
json.null.x = 1
