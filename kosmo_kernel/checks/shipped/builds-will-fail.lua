-- title: Builds that fail already, or will soon
-- severity: high
-- why: Before Heroku ends a stack, builds on it fail on more and more days, and at last all of
--   them do: then nothing can be deployed, not even a fix. The days are those of Heroku's
--   announcements, from heroku.list_stack_dates; that table names its source.
-- do: heroku stack:set heroku-26 -a APP, then deploy. Try it on a copy of the app first.
-- scope: read
-- key: app, stack, builds
-- param: days = 30 | what begins within so many days counts already
local function begun(one) return one.since <= time.ago(-days) end
local rows, stacks = {}, list.index_by(heroku.list_stack_dates(), "stack")
for _, app in ipairs(heroku.list_apps()) do
  local plan = stacks[app.build_stack.name] or { builds = {} }
  local now = list.find(list.sort_by(plan.builds, "since", "desc"), begun)
  if now then
    rows[#rows + 1] = { app = app.name, stack = plan.stack, builds = now.builds, since = now.since }
  end
end
return rows
