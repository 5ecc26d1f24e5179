"""Values for people: as text, as HTML, as DataFrames. Nothing here asks a service or runs Lua.

text.py               values as indented text, and the cells of a column
tables.py             lists of records as HTML and as text; a record as two columns
frames.py             lists of records as DataFrames, the only file that imports pandas
display.py            what a script shows, as a MIME bundle
itables.py            tables that page, sort and search
tree.py               nested values as an outline that opens
error_lines.py        a failure in a few lines
terminal_progress.py  the progress of a run at the foot of a terminal
"""
