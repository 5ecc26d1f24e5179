-- expect: limit cpu_limit; state kept
local function handler(problem) error(problem) end
while true do xpcall(error, handler, "again") end
