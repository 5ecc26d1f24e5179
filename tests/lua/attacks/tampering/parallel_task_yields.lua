-- expect: values [false, true, false]
local all = parallel.map({ 1 }, function()
  local _, is_main = coroutine.running()
  return { (pcall(coroutine.yield, {})), is_main, coroutine.isyieldable() }
end)
return table.unpack(all[1])
