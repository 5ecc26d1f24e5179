-- expect: harmless
return regex.match(docs.search("HEROKU_API_KEY"), "HRKU-[a-z0-9-]+"), pcall(regex.match, "x", "(?P<__class__>x)"), pcall(regex.gsub, "x", "x", "\\g<0>{0}%s$0")
