-- expect: output "false\tx\n"; nothing
print(pcall(error, "x"))
