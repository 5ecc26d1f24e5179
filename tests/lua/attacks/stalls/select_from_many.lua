-- expect: limit cpu_limit; state kept
local function walk(...)
  for i = 1, select("#", ...) do select(i, ...) end
  return walk(...)
end
walk(table.unpack({}, 1, 100000))
