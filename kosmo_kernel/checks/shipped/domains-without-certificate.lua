-- title: Domains without a certificate
-- severity: medium
-- why: Heroku does not care for certificates of the app (ACM is off), and none was uploaded for this domain: a
--   browser warns whoever comes by https.
-- do: heroku certs:auto:enable -a APP
-- scope: read
-- key: app, domain
local apps = heroku.list_apps()
local by_name = list.index_by(apps, "name")
local bare = list.filter(heroku.list_domains({ app_id = apps }), function(one)
  return one.kind == "custom" and not one.sni_endpoint and not by_name[one.app.name].acm
end)
return list.map(bare, function(one) return { app = one.app.name, domain = one.hostname } end)
