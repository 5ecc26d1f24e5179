-- expect: value 1
display.html("<" .. ("a"):rep(1000000))
return 1
