-- expect: harmless
return pcall(function() return app.integrations.heroku["{self.session._caller}"] end),
  pcall(function() return app.integrations.heroku["${HEROKU_API_KEY}"] end)
