-- expect: harmless
local token = "HRKU-" .. "AAAAbbbbCCCC-dddd-1234"
display(token) display.html("<b>" .. token .. "</b>") display.markdown(token) display.json({ token }) display({ { name = token } })
pcall(app.integrations.heroku.get_app, token)
error({ token })
