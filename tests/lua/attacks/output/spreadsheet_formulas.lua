-- expect: value [{"name": "=cmd|' /C calc'!A0", "other": "@SUM(1+1)*cmd"}]
return { { name = "=cmd|' /C calc'!A0", other = "@SUM(1+1)*cmd" } }
