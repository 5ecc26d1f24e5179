-- expect: harmless
return docs.read("heroku") .. "\n<script>alert(1)</script>\n[x](javascript:alert(1))"
