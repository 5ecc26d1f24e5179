-- expect: output "{ a: { up: <cycle: value> } }\n"; harmless
local t = { a = {} }
t.a.up = t
print(t)
return t
