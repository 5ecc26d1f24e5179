-- expect: harmless
print(table.unpack({}, 1, 200000))
