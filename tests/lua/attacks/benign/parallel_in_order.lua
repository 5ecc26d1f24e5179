-- expect: value ["address-checker", "my-app", 2]
local heroku = app.integrations.heroku
local names = parallel.map({ "address-checker", "my-app" }, function(name, place)
  return { name = heroku.get_app({ app_id = name }).name, place = place }
end)
return { names[1].name, names[2].name, names[2].place }
