-- expect: error ~ "attack.lua:2"
return docs.read("\255\254")
