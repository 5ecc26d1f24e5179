-- expect: nothing; state kept
-- repeat: 5000
x = 1; y = 2
