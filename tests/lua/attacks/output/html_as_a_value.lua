-- expect: value "<script>alert(1)</script>"
return "<script>alert(1)</script>"
