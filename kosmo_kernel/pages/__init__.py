"""Pages of text that Lua prints, a terminal draws and a notebook renders.

page.py      a page, and the elements of Markdown that pages consist of
notebook.py  arranges the Markdown of a page for a notebook
"""
