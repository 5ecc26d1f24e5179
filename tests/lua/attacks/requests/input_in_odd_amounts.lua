-- expect: values [null, false, null, "", null]
return io.read(1 << 60), (pcall(io.read, -1)), io.read(0), io.read("a"), io.read("n")
