-- expect: harmless
-- repeat: 60000
x = x and
