-- expect: value "mine: x"
local function report(print) return print("x") end
local tostring = function(v) return "mine: " .. v end
return report(tostring)
