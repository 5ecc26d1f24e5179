-- expect: harmless
print(app.integrations.heroku.canary, app.integrations.heroku.default, app)
for key, value in pairs(app.integrations.heroku.canary) do print(key, value) end
return app.integrations.heroku.canary
