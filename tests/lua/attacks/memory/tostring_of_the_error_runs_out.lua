-- expect: harmless
error(setmetatable({}, { __tostring = function()
  local text = "x"
  for _ = 1, 29 do text = text .. text end
  return text
end }))
