-- expect: value [["1.1", "1.2"], ["2.1", "2.2"]]
local heroku = app.integrations.heroku
return parallel.map({ 1, 2 }, function(a)
  return parallel.map({ 1, 2 }, function(b)
    heroku.get_app("my-app")
    return a .. "." .. b
  end, { limit = 1 })
end)
