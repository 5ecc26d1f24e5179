-- expect: error ~ "cannot be changed"
json.array(app)
