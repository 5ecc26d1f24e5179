-- expect: value null
return (load("\27Lua", "=x", "bt", {}))
