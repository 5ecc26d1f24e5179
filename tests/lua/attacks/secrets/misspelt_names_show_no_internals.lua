-- expect: harmless
local found = {}
for _, name in ipairs({ "_caller", "session", "machine", "token", "tokens", "client", "environ", "self", "host", "native", "__dict__" }) do
  found[#found + 1] = { pcall(function() return app[name] end) }
  found[#found + 1] = { pcall(function() return app.integrations[name] end) }
  found[#found + 1] = { pcall(function() return app.integrations.heroku[name] end) }
end
print(found)
return found
