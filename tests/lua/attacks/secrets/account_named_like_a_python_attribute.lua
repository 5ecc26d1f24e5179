-- expect: error ~ "Did you mean"
return app.integrations.heroku.__class__.__init__.__globals__
