-- expect: values [255, 10, 3, 0.1, null, 16, 15, 35]
return tonumber("0xff"), tonumber("  10  "), "1" + 2, tonumber("1e-1"), tonumber("10x"), 0x10, tonumber("1111", 2), tonumber("z", 36)
