-- expect: harmless
pcall(display.png, "\137PNG\r\n\26\n")
pcall(display.png, "\137PNG\r\n\26\n" .. ("\255"):rep(100000))
pcall(display.png, "iVBORw0KGgo<script>")
pcall(display.svg, "<svg><image href='http://127.0.0.1/leak'/><use href='//127.0.0.1/x#y'/></svg>")
pcall(display.svg, "not a picture")
