-- expect: nothing; state kept
for _, name in ipairs({ "probe.lua", "failing.lua", "setup.lua", "=probe.lua", "@probe.lua" }) do
  pcall(load("\n\n\n\n\n\n\n\n\n\n\n\n\nerror('tampered')", name))
end
