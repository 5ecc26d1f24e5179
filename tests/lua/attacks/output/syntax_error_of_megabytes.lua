-- expect: error ~ "attack.lua"
-- repeat: 20000
x = = ]]]] "<script>
