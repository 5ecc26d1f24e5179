-- expect: harmless
while true do load(("return function() "):rep(180) .. ("end "):rep(180)) end
