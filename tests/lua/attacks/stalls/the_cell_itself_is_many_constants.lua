-- expect: harmless
-- repeat: 3000
do local one <const> = 1 end
