"""Code shared by Python notebooks, Lua notebooks and the command line's interactive prompt.

cell_syntax.py   parse the options, `%kosmo` lines and Lua in the text of a cell
cell_value.py    the value of a cell as a Python object, and its progress line
commands.py      the `%kosmo` commands
ipython.py       displays, progress and questions in an IPython shell
error_report.py  the full report of a failure
"""
