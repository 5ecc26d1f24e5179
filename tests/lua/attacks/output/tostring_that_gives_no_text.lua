-- expect: error ~ "__tostring"
print(setmetatable({}, { __tostring = function() return {} end }))
