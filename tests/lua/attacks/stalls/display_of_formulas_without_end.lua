-- expect: harmless
for _, part in ipairs({ "$\\frac{", "{", "\\left(", "x^{", "&", "\\\\", "$a$ ", "\\begin{matrix}" }) do
  display.latex(part:rep(60000 // #part))
  display.markdown("$" .. part:rep(100000 // #part) .. "$")
end
