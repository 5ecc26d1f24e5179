-- title: Apps that wait to be handed over
-- severity: low
-- why: The owner offered the app to somebody who neither accepted nor declined it. Until then
--   it stays with somebody who wants to give it away.
-- do: Ask the recipient to accept or to decline it in the dashboard.
-- scope: read
-- key: app, recipient
-- param: days = 7 | a transfer older than so many days
local pending = list.filter(heroku.list_app_transfers(), { state = "pending" })
local old = list.filter(pending, function(one) return one.created_at < time.ago(days) end)
return list.map(old, function(one)
  local from, to = one.owner.email, one.recipient.email
  return { app = one.app.name, recipient = to, owner = from, since = one.created_at }
end)
