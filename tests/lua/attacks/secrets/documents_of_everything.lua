-- expect: harmless
print(docs.list(), docs.read(), docs.read(""), docs.search(""))
return docs.list()
