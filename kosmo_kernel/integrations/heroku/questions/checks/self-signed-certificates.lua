-- title: Certificates that nobody else has signed
-- severity: medium
-- why: Browsers and programs warn of a certificate that its owner has signed, or refuse it.
-- do: `heroku certs:auto:enable -a APP`, then `heroku certs:remove --name ENDPOINT -a APP`
-- scope: read
-- key: app, endpoint
local endpoints = heroku.list_sni_endpoints({ app_id = heroku.list_apps() })
local own = list.filter(endpoints, function(one) return one.ssl_cert["self_signed?"] end)
return list.map(own, function(one)
  local domains = list.join(one.ssl_cert.cert_domains or {}, ", ")
  return { app = one.app.name, endpoint = one.name, domains = domains }
end)
