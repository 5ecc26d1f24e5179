-- title: Paid add-ons of apps that are scaled to zero
-- severity: medium
-- why: All process types of the app are scaled to zero and no other app is attached to the
--   add-on, so nobody uses it; it is billed on.
-- do: heroku addons:destroy ADD_ON -a APP, after a backup; or heroku ps:scale web=1 -a APP if
--   it should run.
-- scope: read
-- key: app, add_on
local apps, rows = heroku.list_apps(), {}
local users = list.count_by(heroku.list_addons({ app_id = apps }), "id")
local types = list.group_by(heroku.list_formation({ app_id = apps }), "app.name")
for _, one in ipairs(heroku.list_addons({ app_id = apps })) do
  local own, price = types[one.app.name], one.billed_price or { cents = 0 }
  if own and list.sum_by(own, "quantity") == 0 and users[one.id] == 1 and price.cents > 0 then
    rows[#rows + 1] = { app = one.app.name, add_on = one.name, usd = price.cents / 100, per = price.unit }
  end
end
return rows
