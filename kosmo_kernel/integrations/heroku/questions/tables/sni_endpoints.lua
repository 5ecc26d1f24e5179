-- title: SNI endpoints
-- about: Every certificate that is on Heroku (an SNI endpoint), with its domains and its last day, also one that no domain
--   uses. Which domain has a certificate says `certificates`.
-- needs: list_sni_endpoints
-- key: id
-- columns: name, app, domains, subject, issuer, managed_by_heroku, self_signed, first_day, last_day, id
-- page: name, app, domains, issuer, managed_by_heroku, last_day
-- order: last_day, name
local apps = heroku.list_apps()
local by_name = list.index_by(list.unique_by(apps, "name"), "name")
local hosts, managed = {}, {} -- Heroku makes and renews the certificates of an app with ACM
for _, domain in ipairs(heroku.list_domains({ app_id = apps })) do
  local app = by_name[domain.app_id]
  hosts[domain.id] = domain.hostname
  local endpoint = domain.acm_status and app and app.acm and domain.sni_endpoint
  if endpoint and endpoint.id then managed[endpoint.id] = true end
end
return list.map(heroku.list_sni_endpoints({ app_id = apps }), function(endpoint)
  local cert, is_managed = endpoint.ssl_cert or {}, managed[endpoint.id] == true
  if not was_read("list_domains", endpoint.app_id) then is_managed = nil end
  return {
    name = endpoint.name, app = endpoint.app and endpoint.app.name or endpoint.app_id,
    domains = list.map(endpoint.domains or {}, function(id) return hosts[id] or id end),
    subject = cert.subject, issuer = cert.issuer, managed_by_heroku = is_managed,
    self_signed = cert["self_signed?"], first_day = cert.starts_at and cert.starts_at:sub(1, 10),
    last_day = cert.expires_at and cert.expires_at:sub(1, 10), id = endpoint.id,
  }
end)
