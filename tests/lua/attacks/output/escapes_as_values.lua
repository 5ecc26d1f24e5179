-- expect: harmless
return "\27[2J\27]0;title\7", { "\27[31m" }, { { name = "\27[31mred", ["\27[2J"] = "\155" } }, { x = "\27]52;c;aGk=\7" }
