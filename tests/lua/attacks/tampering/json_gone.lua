-- expect: nothing; state kept
json = nil
