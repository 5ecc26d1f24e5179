-- expect: harmless
display.html("<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>x</a><iframe src='http://127.0.0.1/'></iframe>")
display.markdown("<script>alert(1)</script> ![x](http://127.0.0.1/leak) [x](javascript:alert(1))")
display.svg("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>")
display.latex("\\href{javascript:alert(1)}{x} \\require{x}")
display.json("{\"text/html\": \"<script>alert(1)</script>\"}")
