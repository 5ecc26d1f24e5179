-- expect: nothing; state kept
json.null = { "not null" }
