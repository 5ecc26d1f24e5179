-- expect: values [true, 3]; state kept
local rows = app.integrations.heroku.list_apps()
local first = #rows
local function spoil(row)
  for i = #rows, 4, -1 do rows[i] = nil end
  setmetatable(row, { __index = error })
  rawset(list, "filter", error)
  return true
end
local ok = pcall(list.filter, rows, spoil) or true
return ok, #rows
