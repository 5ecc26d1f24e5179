-- expect: value [1, 1, 2, 3, 3, 4, 5, 5, 5, 6, 9]
local function sorted(list)
  if #list < 2 then return list end
  local pivot, less, same, more = list[1], {}, {}, {}
  for _, v in ipairs(list) do
    local into = v < pivot and less or v == pivot and same or more
    into[#into + 1] = v
  end
  local out = {}
  for _, part in ipairs({ sorted(less), same, sorted(more) }) do table.move(part, 1, #part, #out + 1, out) end
  return out
end
return sorted({ 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5 })
