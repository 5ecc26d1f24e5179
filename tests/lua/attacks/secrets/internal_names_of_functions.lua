-- expect: harmless
return tostring(print), tostring(pcall), tostring(json.encode), tostring(app.integrations.heroku.list_apps), tostring(docs.read), tostring(io.write)
