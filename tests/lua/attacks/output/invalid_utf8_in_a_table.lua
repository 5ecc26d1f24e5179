-- expect: output ~ "\\xFF"; nothing
print({ "\255", ["\254"] = "\xC3" })
