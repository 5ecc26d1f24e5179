-- expect: harmless
print(setmetatable({}, { __name = "\27[31mnull\0" }), setmetatable({}, { __name = {} }))
return setmetatable({}, { __name = "app" })
