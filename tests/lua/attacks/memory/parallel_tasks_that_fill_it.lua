-- expect: limit memory_limit
local kept = {}
parallel.map({ 1, 2, 3, 4 }, function()
  while true do
    pcall(function()
      for _ = 1, 1000 do kept[#kept + 1] = ("x"):rep(1000) .. #kept end
    end)
  end
end)
