-- expect: limit cpu_limit|call_limit
while true do docs.search("app") end
