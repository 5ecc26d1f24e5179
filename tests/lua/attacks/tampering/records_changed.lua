-- expect: nothing; state kept
local apps = app.integrations.heroku.list_apps({})
for _, one in ipairs(apps) do
  one.name, one.stack, one.id = "tampered", { name = "tampered" }, nil
  setmetatable(one, { __index = error, __tostring = error, __len = error })
end
apps[1], apps[2] = nil, print
local _ = setmetatable(apps, { __index = error, __len = error })
