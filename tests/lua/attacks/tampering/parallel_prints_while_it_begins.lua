-- expect: harmless
local long = ("x"):rep(200000)
parallel.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function(n)
  for _ = 1, 20 do
    print(n)
    app.integrations.heroku.get_app("my-app")
    long:upper()
  end
end)
