-- title: Domains that wait for DNS
-- severity: medium
-- why: Heroku has not finished adding the domain, or finds no DNS record that leads to it: nobody reaches the app by
--   this name. Domains whose automatic certificate fails are in `failing-certificates`.
-- do: Set the CNAME record of the domain to what point_to says; `heroku domains:wait` tells when
--   that is known.
-- scope: read
-- key: app, domain
local domains = heroku.list_domains({ app_id = heroku.list_apps() })
local waiting = list.filter(domains, function(one)
  local is_failing = one.acm_status == "failing" or one.acm_status == "failed"
  return one.status == "pending" or one.acm_status_reason == "Invalid DNS" and not is_failing
end)
return list.map(waiting, function(one)
  return { app = one.app.name, domain = one.hostname, status = one.status, point_to = one.cname }
end)
