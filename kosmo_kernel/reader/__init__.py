"""Read what others wrote in a process of its own, so that nothing in it can freeze, fill or attack this process.

Python's regular expressions, its parsers and every loop over a text hold the interpreter, so that no time limit, no
interrupt and no signal ends them where they run. Here they run in a walled process that holds no token and can open no
file and no socket. This process sends it bytes, waits, and gets bytes; the wait ends as soon as the run must stop, and
the other process is killed when a task takes too long or needs too much memory. It starts when the first task needs
it, and stays.

    HTML = Task("kosmo_kernel.safety.html:html", "this HTML", libraries=("nh3",), refusal=UnsafeContentError)
    markup = read(HTML, text.encode())

task.py          what can be read: a function of this package, its limits, and what one run may use
reading.py       `read`, and the processes that run
child.py         the main loop of the process
markup.py        what is displayed: HTML, Markdown, LaTeX and SVG
documents.py     settings: TOML, and JSON with comments
"""
