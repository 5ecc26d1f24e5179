-- title: Domains without a certificate
-- severity: high
-- why: Heroku does not care for certificates of the app (ACM is off), and none that was uploaded covers this domain:
--   browsers cannot open it with https. Domains whose automatic certificate fails are in `failing-certificates`.
-- do: `heroku certs:auto:enable -a APP`
-- scope: read
-- key: app, domain
-- profile: start
local bare = { kind = "custom", covered = false, acm = false }
return list.map(list.filter(heroku.tables.certificates(), bare), function(one)
  return { app = one.app, domain = one.hostname }
end)
