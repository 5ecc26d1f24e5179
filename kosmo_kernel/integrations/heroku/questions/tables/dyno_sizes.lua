-- title: Dyno sizes
-- about: The sizes that are in use, with their price. Eco dynos of one owner share one price. Processes without a
--   size have a row of their own.
-- needs: list_dyno_sizes, list_formation
-- key: size
-- columns: size, memory_gb, compute, dedicated, private_space_only, generation, process_types, dynos, usd_per_dyno,
--   monthly_usd
-- page: size, memory_gb, process_types, dynos, usd_per_dyno, monthly_usd
-- order: -monthly_usd, size
local facts = {}
for _, size in ipairs(heroku.list_dyno_sizes()) do facts[size.name:lower()] = size end
local formation, rows = heroku.list_formation({ app_id = heroku.list_apps() }), {}
local function size_of(process) return process.size or "(no size)" end
for size, processes in pairs(list.group_by(formation, size_of)) do
  local fact, dynos = facts[size:lower()] or {}, list.sum_by(processes, "quantity")
  local cents = fact.cost and fact.cost.unit == "month" and fact.cost.cents or nil
  local all = dynos == 0 and 0 or cents and cents * (size:lower() == "eco" and 1 or dynos)
  rows[#rows + 1] = {
    size = size, memory_gb = fact.memory, compute = fact.compute, dedicated = fact.dedicated,
    private_space_only = fact.private_space_only,
    generation = fact.generation and fact.generation.name,
    process_types = #processes, dynos = dynos, usd_per_dyno = cents and cents / 100,
    monthly_usd = all and all / 100,
  }
end
return rows
