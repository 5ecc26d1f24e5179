-- expect: error ~ "cannot be changed"
json.object(app.integrations.heroku)
