-- title: Logs that go to hosts outside your list
-- severity: medium
-- why: Logs have addresses, names and sometimes secrets in them, and a drain that somebody
--   added once goes on for ever. Drains of add-ons are not among these.
-- do: `heroku drains -a APP` shows its token; `heroku drains:remove TOKEN -a APP`. Put a host that
--   is yours into the parameter `hosts`.
-- scope: read
-- key: app, host
-- param: hosts: list | the hosts that may get logs; a domain stands for all hosts below it
local drains = list.reject(heroku.list_log_drains({ app_id = heroku.list_apps() }), "addon")
local others = list.reject(drains, function(drain)
  local name = "." .. (drain.host or ""):lower()
  return list.find(hosts, function(host) return name:sub(-#host - 1) == "." .. host:lower() end)
end)
return list.map(others, function(drain)
  local host, since = drain.host or "unknown", drain.created_at
  return { app = drain.app_id, host = host, since = since, id = drain.id }
end)
