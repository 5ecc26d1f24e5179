-- expect: harmless
-- repeat: 20000
;(type)(1)
