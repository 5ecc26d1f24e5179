-- expect: harmless
return docs.search(".*"), pcall(docs.read, "*"), docs.search("(a+)+$"), docs.search("HEROKU_API_KEY HRKU canary token")
