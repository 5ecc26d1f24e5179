-- expect: nothing; state kept
app, docs = nil, nil
