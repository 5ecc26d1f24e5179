-- expect: harmless
for _, unit in ipairs({ "<p><b><i><u><s>", "<table><b><td><p><i><a>", "&", "<b>", "- > " }) do
  display.html(unit:rep(1000000 // #unit))
  display.markdown(unit:rep(500000 // #unit))
end
