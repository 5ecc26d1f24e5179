-- expect: limit cpu_limit; state kept
while true do
  pcall(parallel.map, { 1, 2, 3 }, function()
    pcall(app.integrations.heroku.get_app, "my-app")
    while true do pcall(function() while true do end end) end
  end)
end
