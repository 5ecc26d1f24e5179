"""Code shared by Python notebooks, Lua notebooks and the command line's interactive prompt.

cells.py      the parts of a cell's text, its value as a Python object, and what it shows in a notebook
commands.py   the `%kosmo` commands
"""
