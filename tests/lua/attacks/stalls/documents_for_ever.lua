-- expect: limit cpu_limit|call_limit|host_cpu_limit
while true do docs.search("app") end
