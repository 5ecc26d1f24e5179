-- expect: harmless
while true do display.html(("<b>"):rep(10000)) end
