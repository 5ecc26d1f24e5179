-- expect: error ~ "near 'end'"
end return function(...)
