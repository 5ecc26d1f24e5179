-- expect: harmless
local function bottom(f) return pcall(function() bottom(f) f() end) end
local function chain(depth, f)
  if depth == 0 then return f() end
  return (("x"):gsub("x", function() chain(depth - 1, f) end))
end
for depth = 150, 200 do
  pcall(chain, depth, function()
    parallel.map({ 1, 2 }, function() return app.integrations.heroku.get_app("my-app").name end)
  end)
end
print(parallel.map({ 1, 2 }, function(n) return n end)[2])
