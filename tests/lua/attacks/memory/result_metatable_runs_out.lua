-- expect: harmless
return setmetatable({ 1 }, setmetatable({}, { __index = function()
  local text = "x"
  for _ = 1, 29 do text = text .. text end
  Kept = text
end }))
