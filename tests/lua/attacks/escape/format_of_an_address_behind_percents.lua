-- expect: error ~ "%p"
return ("%%%s%%%p"):format(1, {})
