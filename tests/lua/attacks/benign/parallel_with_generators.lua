-- expect: value ["my-app 1 my-app 2", "my-app 1 my-app 2"]
local heroku = app.integrations.heroku
local function said(count)
  return coroutine.wrap(function()
    for i = 1, count do coroutine.yield(heroku.get_app("my-app").name .. " " .. i) end
  end)
end
return parallel.map({ 1, 2 }, function()
  local all = {}
  for text in said(2) do all[#all + 1] = text end
  return table.concat(all, " ")
end)
