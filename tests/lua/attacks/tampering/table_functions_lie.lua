-- expect: nothing; state kept
table.concat, table.unpack, table.pack = function() return "no" end, function() return "no" end, function() return {} end
