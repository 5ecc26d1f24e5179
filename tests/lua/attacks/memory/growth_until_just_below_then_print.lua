-- expect: harmless
Kept = {}
while collectgarbage("count") < 32 * 1024 - 64 do Kept[#Kept + 1] = {} end
print(Kept)
io.write(("x"):rep(60000))
