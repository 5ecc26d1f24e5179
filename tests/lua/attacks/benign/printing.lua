-- expect: output "1\t2.5\ttrue\tnil\ttext\n{ a: 1, b: [1, 2, \"x\"] }\n[]\n"; nothing
print(1, 2.5, true, nil, "text")
print({ a = 1, b = { 1, 2, "x" } })
print(json.array({}))
