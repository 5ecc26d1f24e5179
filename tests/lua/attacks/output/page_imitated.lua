-- expect: harmless
local page = docs.read("heroku")
return page
