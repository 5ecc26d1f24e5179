-- expect: harmless
local looped = {}
looped.looped = looped
local apps = app.integrations.heroku.list_apps()
local odd = {
  "a\0b", "\255\254", "", ".", "..", "a..b", ("x."):rep(10000), {}, { {} }, looped, { [1.5] = 1 }, { name = looped }, { name = app },
  print, app, json.null, 0 / 0, -1, 1e308, setmetatable({}, { __index = error, __len = error, __eq = error }), coroutine.create(print),
  apps, apps[1], apps[1].stack, apps[1].novel, list, _G, string.rep,
}
for _, f in pairs(list) do
  for _, first in ipairs(odd) do
    for _, second in ipairs(odd) do print((pcall(f, first, second)), (pcall(f, { first, second }, second, first)), (pcall(f, apps, first, second))) end
  end
end
