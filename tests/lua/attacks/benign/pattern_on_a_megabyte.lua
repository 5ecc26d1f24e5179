-- expect: values [500001, 1000000]
local text = ("ab"):rep(500000) .. "12345"
local digits = text:match("%d+$")
local s = text:find("b", 1000000, true)
return #(text:gsub("[^b]", "")) + 1 - #digits + 5, s
