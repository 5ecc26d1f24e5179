-- expect: error ~ "did you mean `limit`?"
parallel.map({ 1 }, print, { limt = 4, errors = "ignore" })
