-- expect: values [false, ["1", "2", "3"]]
local closed = {}
local ok = pcall(parallel.map, { 1, 2, 3 }, function(n)
  local held <close> = setmetatable({}, { __close = function() closed[#closed + 1] = tostring(n) end })
  app.integrations.heroku.get_app(n == 1 and "no-such-app" or "my-app")
  while true do app.integrations.heroku.get_app("my-app") end
end)
table.sort(closed)
return ok, closed
