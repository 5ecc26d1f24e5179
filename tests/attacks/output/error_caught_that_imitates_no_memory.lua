-- expect: value false
return (pcall(error, "not enough memory", 0))
