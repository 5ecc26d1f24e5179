-- expect: error ~ "near 'end'"
end return 1 -- the cell is the body of a function
