-- expect: nothing; state kept
io.write, io.read, io.stdout, io.stderr = error, error, nil, nil
