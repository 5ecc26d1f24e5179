-- title: Buildpacks
-- about: The buildpacks that build each app, in their order.
-- needs: list_buildpack_installations
-- key: app, position
-- columns: app, position, buildpack
-- page: app, position, buildpack
-- order: app
local apps = heroku.list_apps()
return list.map(heroku.list_buildpack_installations({ app_id = apps }), function(one)
  local name = one.buildpack.name:gsub("//[^/@]*@", "//") -- an address may have a password in it
  return { app = one.app_id, position = one.ordinal and one.ordinal + 1, buildpack = name }
end)
