-- expect: values [null, "attempt to load a binary chunk (only text is accepted)"]
return load("\27Lua")
