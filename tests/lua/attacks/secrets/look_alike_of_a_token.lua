-- expect: harmless
-- By shape it is a secret, whoever made it up.
print("HRKU-" .. "AAAAbbbbCCCC-dddd-1234", "Authorization: Bearer " .. ("x"):rep(40), "https://user:" .. "pass-word@example.com/")
return "HRKU-" .. "AAAAbbbbCCCC-dddd-1234"
