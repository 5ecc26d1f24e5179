-- title: Apps that change their stack at the next build
-- severity: medium
-- why: The next deploy is also an upgrade of the stack, which can break the app.
-- do: Deploy on purpose, at a good hour, or take it back with `heroku stack:set STACK -a APP`.
-- scope: read
-- key: app, next_build_on
local changing = list.filter(heroku.list_apps(), function(app)
  return app.build_stack and app.build_stack.name ~= app.stack.name
end)
return list.map(changing, function(app)
  local build = app.build_stack.name
  local owner = app.owner and app.owner.email
  return { app = app.name, stack = app.stack.name, next_build_on = build, owner = owner }
end)
