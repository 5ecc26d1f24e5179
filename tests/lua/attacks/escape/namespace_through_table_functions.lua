-- expect: values [false, false, false, "app"]
return (pcall(table.insert, app, 1)), (pcall(table.move, { 1 }, 1, 1, 1, app)), (pcall(table.sort, app, nil, 1) and next(app) ~= nil),
  (tostring(app):match("^%w+"))
