-- expect: harmless
return 0 / 0, math.huge, -math.huge, { 0 / 0 }, { x = math.huge }
