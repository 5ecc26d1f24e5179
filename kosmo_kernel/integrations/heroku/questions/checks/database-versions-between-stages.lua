-- title: Databases of another version than in production
-- severity: medium
-- why: What is tested on one version of a database runs on another one in production. Only the first number of a version
--   counts.
-- do: Upgrade the older one: `heroku pg:upgrade:prepare ADD_ON -a APP`, or
--   `heroku redis:upgrade ADD_ON -a APP -v VERSION`.
-- scope: read
-- key: app, add_on
local at = list.index_by(list.filter(heroku.tables.stages(), { by = "pipeline" }), "app")
local function is_placed(one) return one.version and at[one.app] end
local function of(one) return at[one.app].pipeline .. " " .. one.service end
local function major(one) return of(one) .. " " .. one.version:match("^%d+") end
local rows = list.filter(heroku.tables.databases(), is_placed)
local live = list.filter(rows, function(one) return at[one.app].stage == "production" end)
local any, same = list.group_by(live, of), list.group_by(live, major)
local others = list.filter(rows, function(one) return any[of(one)] and not same[major(one)] end)
return list.map(others, function(one) return { app = one.app, add_on = one.name,
  version = one.version, production = any[of(one)][1].version } end)
