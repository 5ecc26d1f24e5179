-- expect: limit cpu_limit; state kept
while true do
  pcall(display.html, ("\u{a0}"):rep(1000000))
end
