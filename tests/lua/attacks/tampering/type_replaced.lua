-- expect: nothing; state kept
type, rawget, rawset, rawlen, rawequal, select = function() return "nil" end, error, error, error, error, error
