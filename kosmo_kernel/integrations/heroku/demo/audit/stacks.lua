-- builds on a deprecated stack begin to fail; on one that is gone, all do
local state = list.index_by(heroku.list_stacks(), "name")
local dates = list.index_by(heroku.list_stack_dates(), "stack")
local found = {}

for _, item in ipairs(heroku.list_apps()) do
  local stack = item.stack.name
  if not state[stack] or state[stack].state == "deprecated" then
    local row = { app = item.name, stack = stack, owner = item.owner.email }
    row.supported_until = dates[stack] and dates[stack].supported_until
    table.insert(found, row)
  end
end
return list.sort_by(found, "stack")
