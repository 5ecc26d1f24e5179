-- expect: nothing; state kept
string.find, string.format, string.gsub, string.sub, string.rep = function() return 1, 1 end, function() return "no" end,
  function() return "no", 0 end, function() return "no" end, function() return "no" end
