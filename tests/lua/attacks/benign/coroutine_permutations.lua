-- expect: value ["abc", "acb", "bac", "bca", "cab", "cba"]
local function permute(list, n)
  if n == 0 then coroutine.yield(table.concat(list)) return end
  for i = 1, n do
    list[n], list[i] = list[i], list[n]
    permute(list, n - 1)
    list[n], list[i] = list[i], list[n]
  end
end
local all = {}
for p in coroutine.wrap(function() permute({ "a", "b", "c" }, 3) end) do all[#all + 1] = p end
table.sort(all)
return all
