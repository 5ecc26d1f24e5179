-- title: The state of each stack
-- about: One row for each stack that Heroku lists, that an app runs on or will be built on, or that had a last day of
--   support. `state` is `supported`, `deprecated` (Heroku says so, and the last day of support is not over) or `out of
--   support` (the last day is over, or Heroku lists the stack no more). `builds_fail_from` is the first day on which
--   builds begin to fail, `supported_until` the last day of support. Both days come from a table in this package,
--   compared with its `source` on the day `as_of`; they are null where none is known.
-- needs: list_stacks
-- key: stack
-- columns: stack, state, apps, builds_fail_from, supported_until, as_of, source
local apps = heroku.list_apps()
local running = list.count_by(apps, "stack.name")
local listed = list.index_by(heroku.list_stacks(), "name")
local dates = list.index_by(heroku.list_stack_dates(), "stack")
local today = time.now():sub(1, 10)

local names = {}
local function add(name) if name then names[name] = true end end
for _, app in ipairs(apps) do add((app.stack or {}).name) add((app.build_stack or {}).name) end
for name in pairs(listed) do add(name) end
for name in pairs(dates) do add(name) end

local function state_of(name, date)
  local is_over = date and date.supported_until and date.supported_until < today
  if is_over or not listed[name] then return "out of support" end
  return listed[name].state == "deprecated" and "deprecated" or "supported"
end

local rows = {}
for name in pairs(names) do
  local date = dates[name]
  local first = date and list.sort_by(date.builds, "since")[1]
  rows[#rows + 1] = {
    stack = name,
    state = state_of(name, date),
    apps = was_read("list_apps") and (running[name] or 0) or nil,
    builds_fail_from = first and first.since,
    supported_until = date and date.supported_until,
    as_of = date and date.as_of,
    source = date and date.source,
  }
end
return list.sort_by(rows, "stack")
