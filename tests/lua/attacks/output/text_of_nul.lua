-- expect: values ["a\u0000b", {"a\u0000b": "\u0000"}]
return "a\0b", { ["a\0b"] = "\0" }
