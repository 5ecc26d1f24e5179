-- expect: values [8, 14, 6, -2, 16, 1, -1]
return 12 & 10, 12 | 10, 12 ~ 10, ~1, 1 << 4, 16 >> 4, 0xffffffffffffffff | 0
