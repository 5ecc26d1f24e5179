-- expect: limit cpu_limit; state kept
pcall(parallel.map, { 1, 2 }, function(n)
  local held <close> = setmetatable({}, { __close = function() while true do pcall(function() while true do end end) end end })
  app.integrations.heroku.get_app(n == 1 and "no-such-app" or "my-app")
end)
