-- title: Domains
-- about: Every domain, with the last day of its certificate.
-- needs: list_domains
-- key: id
-- columns: hostname, app, kind, dns_target, status, acm_status, acm_status_reason, certificate, certificate_last_day,
--   created_at, id
-- page: hostname, app, kind, dns_target, acm_status, certificate_last_day
-- order: app, kind, hostname
local apps = heroku.list_apps()
local certificates = list.unique_by(heroku.list_sni_endpoints({ app_id = apps }), "id")
local endpoints = list.index_by(certificates, "id")
return list.map(heroku.list_domains({ app_id = apps }), function(domain)
  local endpoint = domain.sni_endpoint
  local known = endpoint and endpoints[endpoint.id]
  local last = known and known.ssl_cert and known.ssl_cert.expires_at
  return {
    hostname = domain.hostname, app = domain.app and domain.app.name or domain.app_id,
    kind = domain.kind,
    dns_target = domain.cname, status = domain.status, acm_status = domain.acm_status,
    acm_status_reason = domain.acm_status_reason, certificate = endpoint and endpoint.name,
    certificate_last_day = last and last:sub(1, 10), created_at = domain.created_at, id = domain.id,
  }
end)
