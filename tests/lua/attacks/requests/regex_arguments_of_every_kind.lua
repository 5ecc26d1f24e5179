-- expect: harmless
local found, kinds = {}, { 1, true, {}, print, app, json.null, coroutine.create(print), ("x"):rep(2 << 20), 0 / 0, "\255" }
for _, a in ipairs(kinds) do
  found[#found + 1] = { pcall(regex.match, a, "x") }
  found[#found + 1] = { pcall(regex.match, "x", a) }
  found[#found + 1] = { pcall(regex.match, "x", "x", a) }
  found[#found + 1] = { pcall(regex.gsub, "x", "x", a) }
  found[#found + 1] = { pcall(regex.gsub, "x", "x", "y", a) }
end
return #found
