-- expect: harmless
local weak, chain, order = setmetatable({}, { __mode = "k" }), {}, {}
for i = 1, 60000 do chain[i], order[i] = {}, i end
for i = 60000, 2, -1 do
  local j = math.random(i)
  order[i], order[j] = order[j], order[i]
end
for _, i in ipairs(order) do if i < 60000 then weak[chain[i]] = chain[i + 1] end end
Root, chain = chain[1], nil
while true do collectgarbage() end
