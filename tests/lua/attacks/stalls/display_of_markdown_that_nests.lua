-- expect: harmless
display.markdown(("> "):rep(50000) .. "x")
display.markdown(("* "):rep(50000) .. "x")
display.markdown(("["):rep(100000))
display.markdown(("`"):rep(99999) .. " " .. ("`"):rep(99998))
display.markdown(("<"):rep(100000) .. ("!["):rep(50000))
