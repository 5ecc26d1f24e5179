"""What both notebooks share, the Python one and the Lua one; the prompt of the command line reads cells as they do.

cell_syntax.py   the options, `%kosmo` lines and Lua in the text of a cell
cell_value.py    the value of a cell, as Python has it
commands.py      the `%kosmo` commands
error_report.py  all that is known of a failure
"""
