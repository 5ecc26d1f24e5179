-- expect: error ~ "attack.lua:3: item 2: two is one too many"
parallel.map({ 1, 2 }, function(n)
  if n == 2 then error("two is one too many") end
end)
