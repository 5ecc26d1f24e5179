-- expect: harmless
-- repeat: 50000
((((
