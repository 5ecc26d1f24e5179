-- title: Domains without a certificate
-- severity: high
-- why: Heroku does not care for certificates of the app (ACM is off), and none that was uploaded covers this domain:
--   browsers cannot open it with https. Domains whose automatic certificate fails are in `failing-certificates`.
-- do: `heroku certs:auto:enable -a APP`
-- scope: read
-- key: app, domain
-- profile: start
local apps = heroku.list_apps()
local by_name = list.index_by(apps, "name")
local endpoints = heroku.list_sni_endpoints({ app_id = apps })
local covered = list.count_by(list.flatten(list.map(endpoints, "domains")))
local bare = list.filter(heroku.list_domains({ app_id = apps }), function(one)
  local has_certificate = one.sni_endpoint or covered[one.id] or by_name[one.app.name].acm
  return one.kind == "custom" and not has_certificate
end)
return list.map(bare, function(one) return { app = one.app.name, domain = one.hostname } end)
