-- title: Apps in a region that is not ours
-- severity: low
-- why: Data is kept where the app runs, and laws and contracts say where that may be.
-- do: Make the app again with `heroku apps:create NAME --region REGION` and move its data there, or
--   add the region to `regions`.
-- scope: read
-- key: app, region
-- param: regions: list | the regions in which apps may run
local outside = list.reject(heroku.list_apps(), { ["region.name"] = regions })
return list.map(outside, function(app)
  local space = app.space and app.space.name
  return { app = app.name, region = app.region.name, space = space, owner = app.owner and app.owner.email }
end)
