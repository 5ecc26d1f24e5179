-- expect: error ~ "only 'count' and 'collect' are available"
collectgarbage("generational")
