-- expect: harmless
local function loop() while true do end end
local kinds = { 1, true, {}, print, app, json.null, coroutine.create(print), 0 / 0, "\255", { { a = 1 } }, { [{}] = 1 }, app.integrations.heroku.list_apps({}),
  setmetatable({}, { __eq = loop, __len = loop, __index = loop }) }
for _, kind in ipairs(kinds) do
  pcall(display, kind)
  for _, name in ipairs({ "html", "markdown", "svg", "png", "latex", "json", "update", "clear" }) do
    pcall(display[name], kind, kind)
    pcall(display[name], kind, { id = kind, update = kind, wait = kind })
    pcall(display[name], "x", kind)
  end
end
