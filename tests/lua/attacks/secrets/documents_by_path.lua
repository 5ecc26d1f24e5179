-- expect: error ~ "no page"
return docs.read("/etc/passwd")
