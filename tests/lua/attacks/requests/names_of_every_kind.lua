-- expect: values [null, null, null, null]
local heroku = app.integrations.heroku
return heroku[1], heroku[true], heroku[print], heroku[{}]
