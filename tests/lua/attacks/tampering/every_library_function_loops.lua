-- expect: nothing; state kept
local take, kind = next, type
for _, library in take, _G do
  if kind(library) == "table" and library ~= _G and library ~= app then
    for name in take, library do library[name] = function() while true do end end end
  end
end
