-- expect: value 396
-- Cells keep few enough locals for each other.
local a001, a002, a003, a004, a005, a006, a007, a008, a009, a010, a011, a012, a013, a014, a015, a016, a017, a018, a019, a020 = 1
local b001, b002, b003, b004, b005, b006, b007, b008, b009, b010, b011, b012, b013, b014, b015, b016, b017, b018, b019, b020 = 2
-- next cell
local c = 396
return c + (a001 - 1) + (b001 - 2)
