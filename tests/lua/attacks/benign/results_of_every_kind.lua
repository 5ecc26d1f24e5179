-- expect: values [1, 1.5, "text", true, null, [1, "a"], {"k": {"n": [[]]}}]
return 1, 1.5, "text", true, nil, { 1, "a" }, { k = { n = { {} } } }
