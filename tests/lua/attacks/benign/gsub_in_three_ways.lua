-- expect: values ["h3ll0 w0rld", "<hello> <world>", "HELLO world"]
local function second(s) return s end
return (("hello world"):gsub("[eo]", { e = "3", o = "0" })), (("hello world"):gsub("%w+", "<%0>")),
  second((("hello world"):gsub("%w+", string.upper, 1)))
