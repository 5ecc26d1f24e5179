-- expect: nothing; state kept
-- The facts of a failed call are kept by its message.
for _ = 1, 3 do
  local _, text = pcall(app.integrations.heroku.get_app, "no-such-app")
  pcall(error, text, 0)
  pcall(error, text)
end
