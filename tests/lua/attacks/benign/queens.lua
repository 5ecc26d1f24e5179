-- expect: value 92
local n, count, cols, up, down = 8, 0, {}, {}, {}
local function place(row)
  if row > n then count = count + 1 return end
  for c = 1, n do
    if not (cols[c] or up[row + c] or down[row - c + n]) then
      cols[c], up[row + c], down[row - c + n] = true, true, true
      place(row + 1)
      cols[c], up[row + c], down[row - c + n] = nil, nil, nil
    end
  end
end
place(1)
return count
