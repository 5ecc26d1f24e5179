-- expect: harmless
return _G, string, app, app.integrations.heroku, docs
