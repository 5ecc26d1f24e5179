-- expect: values [null, null, null, "", null]
return io.read(1 << 60), io.read(-1), io.read(0), io.read("a"), io.read("n")
