-- expect: value [[1]]
return setmetatable({ { 1 } }, { kind = "list", type = { root = true, name = { "heroku.list_apps" } } })
