-- expect: values [["my-app"], [[2, 404, "not_found", "refused"], [3, null, null, "lua_runtime"]]]
local names, failures = parallel.map({ "my-app", "no-such-app", "" }, function(name)
  if name == "" then error("no name") end
  return app.integrations.heroku.get_app(name).name
end, { errors = "collect" })
local told = {}
for i, one in ipairs(failures) do told[i] = { one.index, one.status or json.null, one.id or json.null, one.type } end
return names, told
