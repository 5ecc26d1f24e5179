-- expect: values [null, ""]
return io.read(), io.read("a")
