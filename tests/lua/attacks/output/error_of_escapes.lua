-- expect: error ~ "attack.lua:2"
error("\27[2J\27]0;title\7<script>alert(1)</script>\r\n\n\n")
