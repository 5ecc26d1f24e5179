-- expect: values [false, "handled: attack.lua:2: oops"]
return xpcall(function() error("oops") end, function(e) return "handled: " .. e end)
