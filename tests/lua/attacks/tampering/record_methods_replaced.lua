-- expect: values ["heroku-24", "heroku-24"]
-- What a reference answers to `:upper()` is the script's own string library; what the product shows is not.
string.upper, string.lower = function() return "tampered" end, function() return "tampered" end
local stack = app.integrations.heroku.get_app("my-app").stack
local shown = tostring(stack)
return shown, table.concat({ stack })
