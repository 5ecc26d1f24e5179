-- expect: harmless
local found = {}
for _, pattern in ipairs({ "", "(", ")", "[", "*", "(?", "(?P<a", "(?#", "\\", "a{2,1}", "a{99999999999}", "(?R)", "(?1)", "(?<=a*)b", "\\p{L}", "\\N{x}", "/a/e", "/a",
  "/a/iiiiiiii", "(?(1)a|b)", "[[:alpha:]]", "\0", "\255", "(?i:a)(?-i)", "(?:)" }) do
  found[#found + 1] = { pattern, pcall(regex.match, "a\255\0b", pattern) }
  found[#found + 1] = { pcall(regex.match_all, "aaa", pattern) }
  found[#found + 1] = { pcall(regex.gsub, "aaa", pattern, "$1\\1${x}$") }
end
print(found)
return found
