-- expect: output "0\ttable\n"; nothing
print(0, setmetatable({}, { __tostring = function() return "table" end }))
