-- expect: values [{"b": 1, "a": [1, 2.5, null, "x"], "e": {}, "l": [], "n": null}, true]
local text = '{"b":1,"a":[1,2.5,null,"x"],"e":{},"l":[],"n":null}'
local value = json.decode(text)
return value, json.encode(json.decode(json.encode(value))) == json.encode(value)
