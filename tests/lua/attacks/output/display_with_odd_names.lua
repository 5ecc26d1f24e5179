-- expect: harmless
for _, id in ipairs({ "", ("x"):rep(1000), "\255", "'><script>", "a\nb", 0 / 0, 1, true, {} }) do
  pcall(display, 1, { id = id })
  pcall(display.update, id, 1)
end
