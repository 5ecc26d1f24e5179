-- title: Apps on a stack that is out of support
-- severity: high
-- why: After the last day of support an app runs on without security updates, and can be built no more. On a
--   deprecated stack builds begin to fail before that day.
-- do: heroku stack:set heroku-26 -a APP, then deploy. Try it on a copy of the app first.
-- scope: read
-- key: app, stack
local stacks = list.index_by(heroku.list_stacks(), "name")
local dates = list.index_by(heroku.list_stack_dates(), "stack")
local rows = list.map(heroku.list_apps(), function(app)
  local stack, date = stacks[app.stack.name], dates[app.stack.name]
  return { app = app.name, stack = app.stack.name, state = stack and stack.state or "gone",
    supported_until = date and date.supported_until or "not known", owner = app.owner.email }
end)
local old = list.filter(rows, { state = { "gone", "deprecated" } })
local ended = list.filter(rows, function(r) return r.supported_until < time.now():sub(1, 10) end)
return list.sort_by(list.unique_by(list.flatten({ old, ended }), "app"), "app")
