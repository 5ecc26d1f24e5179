-- expect: value null
return (load("\27LuaT\0\x19\x93\r\n\x1a\n", "x", "b"))
