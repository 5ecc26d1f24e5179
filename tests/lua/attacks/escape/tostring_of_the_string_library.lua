-- expect: harmless
return tostring(string.format), tostring(table), tostring(_G)
