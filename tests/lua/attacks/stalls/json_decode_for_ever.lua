-- expect: limit cpu_limit; state kept
local text = "[" .. ("[],"):rep(1000) .. "[]]"
while true do json.decode(text) end
