-- expect: harmless
local found = {}
for _, path in ipairs({ "/proc/self/environ", "/proc/1/environ", "/proc/self/cmdline", "/etc/passwd", "~/.netrc" }) do
  for _, open in ipairs({ io.open or false, io.lines or false, loadfile or false, dofile or false, require or false }) do
    if open then found[#found + 1] = { pcall(open, path) } end
  end
end
return found
