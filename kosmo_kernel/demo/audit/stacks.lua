-- builds on a deprecated stack begin to fail; on one that is gone, all do
local state = list.index_by(heroku.list_stacks(), "name")
local found = list.filter(heroku.list_apps(), function(item)
  local stack = state[item.stack.name]
  return not stack or stack.state == "deprecated"
end)

table.sort(found, function(a, b)
  return a.stack .. a.name < b.stack .. b.name
end)
return found
