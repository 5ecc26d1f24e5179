-- expect: values ["attack.lua:4: bad", "bad", "attack.lua:3: bad"]
local function check(level)
  error("bad", level) end
local function caller(level) check(level) end
local function message(level) return (select(2, pcall(caller, level))) end
return message(2), message(0), message(1)
