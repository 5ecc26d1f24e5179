-- expect: harmless
local found = {}
for level = 0, 30 do
  found[#found + 1] = { pcall(table.sort, { 3, 2, 1 }, function() error("sort", level) end) }
  found[#found + 1] = { pcall(string.gsub, "x", "x", function() error("gsub", level) end) }
  found[#found + 1] = { pcall(function() return app.integrations.heroku.get_app(setmetatable({}, { __index = function() error("x", level) end })) end) }
  found[#found + 1] = { pcall(tostring, setmetatable({}, { __tostring = function() error("tostring", level) end })) }
  found[#found + 1] = { pcall(print, setmetatable({}, { __tostring = function() error("print", level) end })) }
  found[#found + 1] = { pcall(load, function() error("load", level) end) }
  found[#found + 1] = { pcall(coroutine.wrap(function() error("wrap", level) end)) }
end
print(found)
return found
