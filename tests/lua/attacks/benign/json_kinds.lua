-- expect: values ["[]", "{}", "null", "[\n  1,\n  null\n]"]
return json.encode(json.array({})), json.encode(json.object({})), json.encode(json.null), json.encode({ 1, json.null })
