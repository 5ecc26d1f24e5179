-- expect: nothing; state kept
print, dump, tostring = function() while true do end end, error, function() return 1 end
