-- expect: error ~ "unfinished long"
return [==[ x
