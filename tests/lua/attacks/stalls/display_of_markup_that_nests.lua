-- expect: harmless
display.html(("<div>"):rep(200000))
display.html(("<table>"):rep(50000))
display.svg("<svg xmlns='http://www.w3.org/2000/svg'>" .. ("<g>"):rep(100000))
display.latex(("{"):rep(200000))
