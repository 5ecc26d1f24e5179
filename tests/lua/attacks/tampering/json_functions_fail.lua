-- expect: nothing; state kept
json.encode, json.decode, json.array, json.object = error, error, error, error
