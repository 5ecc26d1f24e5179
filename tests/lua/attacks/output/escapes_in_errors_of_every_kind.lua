-- expect: error ~ "attack.lua:2"
error({ "\27[2J", { ["\27[31m"] = "\7" } })
