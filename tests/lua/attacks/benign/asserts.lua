-- expect: values [1, "attack.lua:2: no" ]
return (assert(1, "no")), (select(2, pcall(function() assert(false, "no") end)))
