-- expect: value []
app.integrations.heroku.list_apps({})
return setmetatable({}, { __metatable = false, kind = "unfilled", type = {}, state = { handle = 1 } })
