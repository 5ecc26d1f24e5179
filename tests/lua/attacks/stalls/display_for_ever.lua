-- expect: harmless
while true do display({ 1, 2, 3 }) end
