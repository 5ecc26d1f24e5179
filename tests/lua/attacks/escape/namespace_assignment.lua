-- expect: error ~ "cannot be changed"
app.integrations.heroku.list_apps = print
