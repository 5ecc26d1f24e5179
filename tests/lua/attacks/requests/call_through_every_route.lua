-- expect: value true
local heroku, count = app.integrations.heroku, 0
for _, f in ipairs({ heroku.list_apps, heroku.heroku_list_apps, heroku.default.list_apps, heroku.demo.list_apps }) do count = count + #f({}) end
return count == 4 * #heroku:list_apps()
