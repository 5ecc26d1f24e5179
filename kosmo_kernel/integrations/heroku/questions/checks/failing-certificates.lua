-- title: Certificates that fail
-- severity: high
-- why: Heroku tries to make or renew the certificate of this domain by itself (ACM) and cannot. Browsers warn as soon
--   as the old one ends.
-- do: Mend what the reason names, then `heroku certs:auto:refresh -a APP`.
-- scope: read
-- key: app, domain
-- profile: start
local domains = heroku.list_domains({ app_id = heroku.list_apps() })
local failing = list.filter(domains, { acm_status = { "failing", "failed" } })
return list.map(failing, function(one)
  local status, reason = one.acm_status, one.acm_status_reason
  return { app = one.app.name, domain = one.hostname, status = status, reason = reason }
end)
