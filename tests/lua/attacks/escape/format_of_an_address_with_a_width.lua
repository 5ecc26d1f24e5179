-- expect: error ~ "%p"
return ("%-40p"):format(print)
