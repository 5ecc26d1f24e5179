-- expect: error ~ "only 'count' and 'collect' are available"
for _, option in ipairs({ "count", "collect" }) do collectgarbage(option) end
collectgarbage("stop")
