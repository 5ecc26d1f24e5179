-- expect: value {"a": 1}
return setmetatable({ a = 1 }, { kind = "record", type = { root = true, name = "heroku.list_apps" }, keys = {}, nulls = {}, has = {}, quoted = {} })
