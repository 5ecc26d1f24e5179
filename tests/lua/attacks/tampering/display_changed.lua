-- expect: harmless
pcall(rawset, display, "html", error)
pcall(setmetatable, display, {})
pcall(json.array, display)
for name in pairs(display) do pcall(function() display[name] = nil end) end
