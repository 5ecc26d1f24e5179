-- expect: value {"$handle": 1, "$type": "heroku.list_apps", "blob": 1, "form": "list", "handle": 1}
return { form = "list", handle = 1, blob = 1, ["$handle"] = 1, ["$type"] = "heroku.list_apps" }
