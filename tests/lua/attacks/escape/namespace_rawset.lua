-- expect: error ~ "cannot be changed"
rawset(app.integrations.heroku, "list_apps", print)
