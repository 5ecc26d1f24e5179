-- expect: values [4, 233, "é", 3, [97, 233, 8364, 128512]]
local text, codes = "aé€😀", {}
for _, code in utf8.codes(text) do codes[#codes + 1] = code end
return utf8.len(text), utf8.codepoint(text, 2), utf8.char(233), utf8.offset("aé", 3) - 1, codes
