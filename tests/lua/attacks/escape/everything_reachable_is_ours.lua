-- expect: value {"userdata": 0, "protected": true}
local seen, found = {}, 0
local function walk(value)
  if type(value) == "userdata" then found = found + 1 end
  if type(value) ~= "table" or seen[value] then return end
  seen[value] = true
  for key, field in pairs(value) do walk(key) walk(field) end
  local metatable = getmetatable(value)
  if type(metatable) == "table" then walk(metatable) end
end
walk(_G)
return { userdata = found, protected = getmetatable("") == false and getmetatable(app) == false }
