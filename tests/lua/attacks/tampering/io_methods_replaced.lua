-- expect: nothing; state kept
io.stdout.write, io.stdout.flush, io.stderr.write = error, error, error
