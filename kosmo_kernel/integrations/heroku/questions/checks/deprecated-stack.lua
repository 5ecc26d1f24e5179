-- title: Apps on a deprecated stack
-- severity: medium
-- why: Support of the stack ends on the last day of `supported_until`. From `builds_fail_from` on, builds on it fail on
--   more and more days, and at last all of them do: then nothing can be deployed, not even a fix.
-- do: `heroku stack:set heroku-26 -a APP`, then deploy. Try it on a copy of the app first.
-- scope: read
-- key: app, stack
local stacks = list.index_by(heroku.tables.stacks(), "stack")
local rows = list.map(heroku.list_apps(), function(app)
  local stack = stacks[app.stack.name]
  local fail, last = stack.builds_fail_from or "not known", stack.supported_until or "not known"
  return { app = app.name, stack = stack.stack, state = stack.state, builds_fail_from = fail,
    supported_until = last, owner = app.owner and app.owner.email }
end)
return list.sort_by(list.filter(rows, { state = "deprecated" }), "app")
