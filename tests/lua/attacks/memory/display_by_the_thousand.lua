-- expect: harmless
for i = 1, 5000 do display.html("<b>" .. i .. "</b>", { id = "x" .. i }) end
