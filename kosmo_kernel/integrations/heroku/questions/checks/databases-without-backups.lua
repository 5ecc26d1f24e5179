-- title: Databases without scheduled backups
-- severity: high
-- why: Nothing saves this database by itself: it has neither scheduled backups nor continuous protection, so that what is
--   deleted by mistake is lost. `last_backup` is the last good one that somebody made.
-- do: `heroku pg:backups:schedule DATABASE -a APP --at '02:00 UTC'`, or a Standard plan, which has
--   continuous protection.
-- scope: read
-- key: add_on
local bare = list.filter(heroku.tables.databases(), function(one)
  local is_postgres = one.service == "heroku-postgresql" and not one.unread
  return is_postgres and one.continuous_protection == false and not one.schedules[1]
end)
return list.map(bare, function(one)
  local last = one.last_backup or json.null
  return { add_on = one.name, app = one.app, plan = one.plan, last_backup = last }
end)
