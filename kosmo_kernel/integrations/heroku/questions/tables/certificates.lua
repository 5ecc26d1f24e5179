-- title: Certificates
-- about: One row for each domain: whether a certificate covers it, which one and until when, or the reason why none does.
--   A domain of Heroku's own, such as one below herokuapp.com, has a certificate of Heroku. `acm` says whether Heroku looks
--   after the certificates of the app (ACM). Where the certificates of an app could not be read, `covered` is empty for a
--   domain that has none attached. Certificates that no domain uses are in `sni_endpoints`.
-- needs: list_domains
-- key: id
-- columns: hostname, app, kind, covered, certificate, last_day, acm, acm_status, reason, id
-- page: hostname, app, kind, covered, certificate, last_day, reason
-- order: app, kind, hostname
local apps = heroku.list_apps()
local by_name = list.index_by(list.unique_by(apps, "name"), "name")
local endpoints = list.unique_by(heroku.list_sni_endpoints({ app_id = apps }), "id")
local by_id, of_app = list.index_by(endpoints, "id"), list.group_by(endpoints, "app_id")
local attached = {}
for _, endpoint in ipairs(endpoints) do
  for _, id in ipairs(endpoint.domains or {}) do attached[id] = endpoint end
end

local function hosts_of(endpoint) return (endpoint.ssl_cert or {}).cert_domains or {} end

-- Return whether a certificate is for a host; also where its names cannot tell. "*" stands for one label.
local function names(endpoint, host)
  local hosts = hosts_of(endpoint)
  local wildcard = host:gsub("^[^.]+", "*", 1)
  if not hosts[1] or host:find("[\128-\255]") then return true end
  local function fits(one) return one:lower() == host or one:lower() == wildcard end
  return list.find(hosts, fits) ~= nil
end

-- Return why no certificate covers a domain; `endpoint` is the one that it has nevertheless.
local function reason_of(domain, app, endpoint)
  local host, status = domain.hostname:lower(), domain.acm_status
  if endpoint then return "certificate " .. endpoint.name .. " is not for this name" end
  local function fits(one) return hosts_of(one)[1] and names(one, host) end
  local other = list.find(of_app[domain.app_id] or {}, fits)
  if other then
    return "certificate " .. other.name .. " is for this name, and not attached to it"
  end
  if app.acm == false then return "ACM is off, and no certificate is attached" end
  if not app.acm then return "no certificate is attached" end
  local told = domain.acm_status_reason or status or "not begun"
  local is_failing = status == "failing" or status == "failed"
  return (is_failing and "ACM fails: " or "ACM waits: ") .. told
end

return list.map(heroku.list_domains({ app_id = apps }), function(domain)
  local app = by_name[domain.app_id] or {}
  local own = domain.sni_endpoint
  local endpoint = own and by_id[own.id] or attached[domain.id]
  local cert, covered, reason = endpoint and endpoint.ssl_cert or {}, true, nil
  if domain.kind ~= "heroku" and endpoint then
    covered = names(endpoint, domain.hostname:lower())
  elseif domain.kind ~= "heroku" and not own then
    covered = nil
    if was_read("list_sni_endpoints", domain.app_id) then covered = false end
  end
  if covered == false then reason = reason_of(domain, app, endpoint) end
  return {
    hostname = domain.hostname, app = domain.app and domain.app.name or domain.app_id,
    kind = domain.kind, covered = covered, certificate = (endpoint or own or {}).name,
    last_day = cert.expires_at and cert.expires_at:sub(1, 10), acm = app.acm,
    acm_status = domain.acm_status, reason = reason, id = domain.id,
  }
end)
