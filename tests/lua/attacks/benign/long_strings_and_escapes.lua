-- expect: values ["line one\nline two", "tab\there", "AZ", "é", "[[x]]", "joined"]
return [[
line one
line two]], "tab\there", "\65\x5A", "\u{E9}", [==[[[x]]]==], "join\z
    ed"
