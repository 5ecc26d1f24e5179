-- expect: value []
local names = "os.execute os.exit os.getenv os.remove os.rename os.tmpname os.setlocale io.open io.popen io.lines io.output " ..
  "io.input io.close io.tmpfile io.type string.dump coroutine.debug math.pow table.getn collectgarbage.x"
local found = {}
for name in names:gmatch("%S+") do
  local library, field = name:match("(%w+)%.(%w+)")
  local there, value = pcall(function() return _G[library][field] end)
  if there and value ~= nil then found[#found + 1] = name end
end
return json.array(found)
