-- expect: value {"a": 1}
return setmetatable({ a = 1 }, { kind = "record", keys = { "a", "b" }, nulls = { b = true }, has = {}, quoted = { '"a":1},{"evil":', '"b":' } })
