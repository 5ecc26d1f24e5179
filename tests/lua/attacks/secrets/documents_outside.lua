-- expect: error ~ "no page"
return docs.read("../../../../proc/self/environ")
