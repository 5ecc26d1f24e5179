-- title: Add-ons that several apps share
-- severity: low
-- why: When such an add-on fails, or goes with the app that owns it, all of these apps feel it.
-- do: Know who depends on whom, or give an app an add-on of its own with
--   `heroku addons:create PLAN -a APP`.
-- scope: read
-- key: app, add_on
local addons, rows = heroku.list_addons({ app_id = heroku.list_apps() }), {}
for _, uses in pairs(list.group_by(addons, "id")) do
  local one, apps = uses[1], list.join(uses, ", ", "app_id")
  local row = { app = one.app.name, add_on = one.name, plan = one.plan.name, used_by = apps }
  rows[#rows + 1] = apps ~= one.app.name and row or nil
end
return list.sort_by(rows, "add_on")
