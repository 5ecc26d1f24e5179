-- expect: output ~ "function: #"; value true
print(function() end, coroutine.create(print), { print }, setmetatable({}, { __name = "mine" }))
return not ("%s %s"):format({}, print):find("0x", 1, true)
