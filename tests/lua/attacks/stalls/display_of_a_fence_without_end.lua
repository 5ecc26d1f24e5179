-- expect: value 1
display.markdown(("~"):rep(1000000) .. "`")
return 1
