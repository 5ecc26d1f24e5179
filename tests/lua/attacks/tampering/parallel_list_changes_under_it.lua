-- expect: values [["1", "2", "3"], 0]
local list = { 1, 2, 3 }
local made = parallel.map(list, function(n)
  while #list > 0 do table.remove(list) end
  app.integrations.heroku.get_app("my-app")
  return tostring(n)
end, { limit = 1 })
return made, #list
