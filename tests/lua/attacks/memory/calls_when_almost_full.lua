-- expect: harmless
local heroku = app.integrations.heroku
Kept = {}
for i = 1, 3200 do
  Kept[i] = ("x"):rep(10000) .. i
  if i % 100 == 0 then pcall(heroku.get_app, "my-app") end
end
