-- expect: values ["2024-02-29 12:00:00", 86400.0, 60, 3]
local time = os.time({ year = 2024, month = 2, day = 29, hour = 12 })
return os.date("%Y-%m-%d %H:%M:%S", time), os.difftime(time + 86400, time), os.date("*t", time).yday, os.time({ year = 2024, month = 14, day = 1 }) and 3
