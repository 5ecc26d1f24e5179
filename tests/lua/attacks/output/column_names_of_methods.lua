-- expect: value [{"__class__": 1, "columns": 2, "index": 3, "shape": 4, "to_string": 5}]
return { { columns = 2, index = 3, shape = 4, to_string = 5, ["__class__"] = 1 } }
