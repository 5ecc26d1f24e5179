-- title: Certificates that end soon
-- severity: high
-- why: After its last day browsers refuse the site. Heroku renews automatic certificates about
--   a month before their end, so one of these that ends soon could not be renewed; a
--   certificate of your own is renewed by nobody but you.
-- do: `heroku certs:auto -a APP` says what is wrong with an automatic one. Your own:
--   `heroku certs:update CRT KEY --name ENDPOINT -a APP`
-- scope: read
-- key: app, endpoint
-- profile: start
-- param: days = 30 | a certificate that ends within so many days
local endpoints = heroku.list_sni_endpoints({ app_id = heroku.list_apps() })
local ending = list.filter(endpoints, function(one)
  return one.ssl_cert.expires_at < time.ago(-days)
end)
return list.map(list.sort_by(ending, "ssl_cert.expires_at"), function(one)
  local ends, domains = one.ssl_cert.expires_at, list.join(one.ssl_cert.cert_domains or {}, ", ")
  local days_left = math.floor(time.days_until(ends))
  return { app = one.app.name, endpoint = one.name, domains = domains, days_left = days_left }
end)
