-- expect: harmless
return pcall(function() return app.integrations.heroku["{self.session._services}"] end),
  pcall(function() return app.integrations.heroku["${HEROKU_API_KEY}"] end)
