-- title: What is wrong with one app
-- severity: medium
-- why: All that Heroku tells of the app at once, where an incident begins.
-- do: `heroku ps -a APP`, `heroku addons -a APP` and `heroku domains -a APP` tell more of each.
-- scope: read
-- key: app, item
-- param: app_name: text | the name of the app
local apps = { heroku.get_app(app_name) }
local function problems(rows, name, what)
  return list.map(rows, function(r) return { app = app_name, item = r[name], [what] = r[what] } end)
end
local dynos = list.reject(heroku.list_dynos({ app_id = apps }), { state = { "up", "idle" } })
local addons = list.reject(heroku.list_addons({ app_id = apps }), { state = "provisioned" })
local domains = list.filter(heroku.list_domains({ app_id = apps }), "acm_status_reason")
return list.flatten({ problems(list.filter(apps, "maintenance"), "name", "maintenance"),
  problems(dynos, "name", "state"), problems(addons, "name", "state"),
  problems(domains, "hostname", "acm_status_reason") })
