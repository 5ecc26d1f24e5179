-- expect: values [["a", "b", "c"], "<my-app> <my-app>"]
local heroku = app.integrations.heroku
local both = parallel.map({ 1, 2 }, function(n)
  if n == 1 then
    local letters = { "c", "a", "b" }
    table.sort(letters, function(a, b) heroku.get_app("my-app") return a < b end)
    return letters
  end
  return (("x x"):gsub("x", function() return "<" .. parallel.map({ 1 }, function() return heroku.get_app("my-app").name end)[1] .. ">" end))
end)
return both[1], both[2]
