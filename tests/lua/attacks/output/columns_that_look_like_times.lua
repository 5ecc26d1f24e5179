-- expect: harmless
return { { created_at = "not a time", updated_at = 12, released_at = {} }, { created_at = "9999-99-99T99:99:99Z", updated_at = "0000-00-00" } }
