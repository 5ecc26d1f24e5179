-- expect: error ~ "attack.lua"
x = "[2J" = ]0;title
