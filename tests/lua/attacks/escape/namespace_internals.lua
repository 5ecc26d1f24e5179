-- expect: values [false, null, null, null]
return getmetatable(app), rawget(app, "look"), rawget(app.integrations, "list"), next(app)
