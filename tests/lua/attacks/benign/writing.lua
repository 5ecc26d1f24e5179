-- expect: output "a1b2.5\nline\n"; nothing
io.write("a", 1, "b", 2.5, "\n")
local _ = io.stdout:write("line"):write("\n")
