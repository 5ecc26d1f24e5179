-- expect: value "# Title\n\n![x](http://127.0.0.1/leak)\n<script>alert(1)</script>"
return "# Title\n\n![x](http://127.0.0.1/leak)\n<script>alert(1)</script>"
