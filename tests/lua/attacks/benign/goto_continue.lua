-- expect: value [1, 3, 5]
local odd = {}
for i = 1, 5 do
  if i % 2 == 0 then goto continue end
  odd[#odd + 1] = i
  ::continue::
end
return odd
