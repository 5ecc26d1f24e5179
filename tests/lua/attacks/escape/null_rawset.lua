-- expect: error ~ "cannot be changed"
rawset(json.null, "x", 1)
