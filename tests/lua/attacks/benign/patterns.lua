-- expect: values [3, 5, "llo", "key", "value", "2024", 2]
local s, e, c = ("hello"):find("(llo)")
local k, v = ("key = value"):match("^(%w+)%s*=%s*(%w+)$")
return s, e, c, k, v, ("2024-05-01"):match("%d+"), (select(2, ("banana"):gsub("an", "AN")))
