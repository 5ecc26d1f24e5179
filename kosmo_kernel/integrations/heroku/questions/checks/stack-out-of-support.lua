-- title: Apps on a stack that is out of support
-- severity: high
-- why: The last day of support is over: the app runs on without security updates, and cannot be built any more, so that
--   not even a fix can be deployed.
-- do: `heroku stack:set heroku-26 -a APP`, then deploy. Try it on a copy of the app first.
-- scope: read
-- key: app, stack
-- profile: start
local stacks = list.index_by(heroku.tables.stacks(), "stack")
local rows = list.map(heroku.list_apps(), function(app)
  local stack = stacks[app.stack.name]
  local until_day = stack.supported_until or "not known"
  return { app = app.name, stack = stack.stack, state = stack.state, supported_until = until_day,
    owner = app.owner and app.owner.email }
end)
return list.sort_by(list.filter(rows, { state = "out of support" }), "app")
