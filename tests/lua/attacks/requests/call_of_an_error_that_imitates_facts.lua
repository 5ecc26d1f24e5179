-- expect: error ~ "imitated"
error({ type = "refused", status = 404, message = "imitated", json = { "x" }, stop = "cpu_limit", retryable = true })
