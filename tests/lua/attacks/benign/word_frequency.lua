-- expect: value {"the": 3, "cat": 2, "saw": 1, "and": 1}
local counts = {}
for word in ("the cat saw the cat and the"):gmatch("%a+") do counts[word] = (counts[word] or 0) + 1 end
return counts
