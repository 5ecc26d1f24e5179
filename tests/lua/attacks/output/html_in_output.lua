-- expect: output "<script>alert(1)</script><img src=x onerror=alert(1)>\n"; nothing
print("<script>alert(1)</script><img src=x onerror=alert(1)>")
