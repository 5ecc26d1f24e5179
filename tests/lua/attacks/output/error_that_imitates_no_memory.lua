-- expect: harmless
error("not enough memory", 0)
