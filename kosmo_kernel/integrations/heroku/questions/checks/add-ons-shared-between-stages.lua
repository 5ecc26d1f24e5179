-- title: Add-ons that production shares with another stage
-- severity: medium
-- why: An app that is there to try things on reads and writes what production uses: its data,
--   its logs, its quota.
-- do: `heroku addons:create PLAN -a APP`, then `heroku addons:detach ATTACHMENT -a APP`
-- scope: read
-- key: app, attachment, add_on
local stages = list.filter(heroku.tables.stages(), "stage")
local at, rows = list.index_by(stages, "app"), {}
for _, one in ipairs(heroku.list_addon_attachments()) do
  local user, owner = at[one.app.name], at[one.addon.app.name]
  if user and owner and (user.stage == "production") ~= (owner.stage == "production") then
    local app, add_on, of = one.app.name, one.addon.name, one.addon.app.name
    rows[#rows + 1] = { app = app, attachment = one.name, add_on = add_on, owner = of }
  end
end
return rows
