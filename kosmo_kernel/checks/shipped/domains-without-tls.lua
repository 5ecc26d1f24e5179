-- title: Domains without TLS
-- severity: high
-- why: No certificate of the app covers the domain, and none is on its way: automatic
--   certificates are switched off, or failed. Browsers cannot open it with https.
-- do: heroku certs:auto:enable -a APP; if they failed, correct the DNS and then heroku
--   certs:auto:refresh -a APP
-- scope: read
-- key: app, hostname
local apps = list.index_by(heroku.list_apps(), "name")
local endpoints = heroku.list_sni_endpoints({ app_id = heroku.list_apps() })
local covered = list.count_by(list.flatten(list.map(endpoints, "domains")))
local domains = heroku.list_domains({ app_id = heroku.list_apps() })
local bare = list.filter(list.filter(domains, { kind = "custom" }), function(one)
  local failed = one.acm_status == "failed" or one.acm_status == "failing"
  return (failed or not apps[one.app.name].acm) and not (one.sni_endpoint or covered[one.id])
end)
return list.map(bare, function(one) return { app = one.app.name, hostname = one.hostname } end)
