-- expect: value {"text/html": "<script>alert(1)</script>", "application/javascript": "alert(1)"}
return { ["text/html"] = "<script>alert(1)</script>", ["application/javascript"] = "alert(1)" }
