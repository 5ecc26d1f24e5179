-- expect: value "  .@  \n .@@. \n@@@@. "
local shown = {}
for y = -1, 1 do
  local line = {}
  for x = -3, 2 do
    local cr, ci, zr, zi, n = x * 0.5, y * 0.5 - 0.5, 0, 0, 0
    while n < 30 and zr * zr + zi * zi < 4 do zr, zi, n = zr * zr - zi * zi + cr, 2 * zr * zi + ci, n + 1 end
    line[#line + 1] = n >= 30 and "@" or n > 8 and "#" or n > 3 and "." or " "
  end
  shown[#shown + 1] = table.concat(line)
end
return table.concat(shown, "\n")
