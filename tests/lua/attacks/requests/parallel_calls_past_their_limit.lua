-- expect: limit cpu_limit|call_limit; state kept
while true do
  pcall(parallel.map, { 1, 2, 3, 4 }, function()
    while true do pcall(app.integrations.heroku.get_app, {}) end
  end)
end
