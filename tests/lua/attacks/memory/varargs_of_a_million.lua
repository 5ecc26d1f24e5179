-- expect: error ~ "too many results to unpack"; state kept
return select("#", table.unpack({}, 1, 1e6))
