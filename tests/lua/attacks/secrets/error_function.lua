-- expect: error ~ "function"
error(print)
