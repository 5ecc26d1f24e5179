-- expect: output "é€\n"; nothing
-- A letter that is written byte by byte is one letter all the same.
io.write("\xC3") io.write("\xA9") io.write("\xE2", "\x82") io.write("\xAC\n")
