-- expect: error ~ "`app_id` is missing"
local function loop() while true do end end
return app.integrations.heroku.get_app(setmetatable({}, { __index = loop, __pairs = loop, __len = loop, __eq = loop, __tostring = loop }))
