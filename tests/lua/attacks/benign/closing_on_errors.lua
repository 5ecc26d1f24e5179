-- expect: values [false, "attack.lua:7: broken", ["closed", "attack.lua:7: broken"]]
local log = {}
local function work()
  local held <close> = setmetatable({}, { __close = function(_, problem) log = { "closed", problem } end })
  local one = 1
  if one then
    error("broken") end
end
local ok, problem = pcall(work)
return ok, problem, log
