-- expect: harmless
local t = json.decode('{"__index": 1, "kind": "record", "keys": [1], "__metatable": null, "__gc": true, "__close": 1, "type": {}}')
t.__gc = nil
print(t, json.encode(t), pcall(setmetatable, {}, t));
