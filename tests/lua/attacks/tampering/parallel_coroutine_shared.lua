-- expect: value true
local step = coroutine.wrap(function()
  while true do coroutine.yield(app.integrations.heroku.get_app("my-app").name) end
end)
local all = parallel.map({ 1, 2, 3 }, function() return { pcall(step) } end)
for _, one in ipairs(all) do
  if one[1] and one[2] ~= "my-app" then return false end
  if not one[1] and one[2] ~= "cannot resume non-suspended coroutine" then return false end
end
return step() == "my-app"
