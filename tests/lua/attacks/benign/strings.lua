-- expect: values ["HELLO", "olleh", 5, "ell", 104, "hi", "ababab", "a-a"]
local s = "hello"
return s:upper(), s:reverse(), #s, s:sub(2, 4), s:byte(), string.char(104, 105), ("ab"):rep(3), ("a"):rep(2, "-")
