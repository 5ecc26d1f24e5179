-- title: Old SSH keys
-- severity: low
-- why: Whoever has the private half of the key can push code to the apps of this account, from
--   a computer that was sold or lost as well.
-- do: `heroku keys:remove COMMENT`; `heroku keys:add` adds a new one.
-- scope: global
-- key: fingerprint
-- param: days = 365 | a key older than so many days
local old = list.filter(heroku.list_keys(), function(one)
  return one.created_at < time.ago(days)
end)
return list.map(old, function(one)
  return { fingerprint = one.fingerprint, comment = one.comment, since = one.created_at }
end)
