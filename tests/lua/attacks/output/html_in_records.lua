-- expect: value [{"<b>name</b>": "<img src=x onerror=alert(1)>", "link": "javascript:alert(1)"}]
return { { ["<b>name</b>"] = "<img src=x onerror=alert(1)>", link = "javascript:alert(1)" } }
