"""Sanitize, escape and redact content from scripts, services and servers before it is shown.

A script in a notebook's output acts as the notebook's user, a remote image tells its server who views it and when, and
an escape sequence can type into a terminal. Content that cannot be sanitized raises `UnsafeContentError`. The libraries
behind these functions are imported when first needed.

markup.py     the types of what is shown, which only the functions of the other modules and literals make
html.py       HTML, by an allow-list of tags and attributes
images.py     PNG, JPEG, GIF and WebP of limited size, and an SVG as an image that cannot run scripts
markdown.py   Markdown as HTML, without raw HTML and images, and formulas as MathML
text.py       plain text without escape sequences and control characters
escape.py     text escaped for Markdown and HTML, in which nothing is typeset as a formula
tables.py     tables as HTML and Markdown, lines of CSV and of tab-separated values
redaction.py  text without secrets, and without the tokens that this process uses
core_dumps.py no core dumps of processes with a token
"""
