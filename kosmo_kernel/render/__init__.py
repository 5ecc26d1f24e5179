"""Render values as text, as HTML and as DataFrames. Nothing here calls a service or runs Lua.

blocks.py             how values are grouped
text.py               values as indented text, and the cells of a column
cells.py              cells for other programs
tables.py             what a table is: its columns with their kinds, its counts; a record as two columns
titles.py             names of columns as titles of a page
text_table.py         a table as lines of text within a width: which columns it has, and how wide they are
bounded.py            any value within a number of characters, for agents
frames.py             lists of records as DataFrames, the only file that imports pandas
misspelt_columns.py   the error for a column that a frame does not have
display.py            values, and what a script displays, as MIME bundles
itables.py            interactive tables, with pages, sorting and search
tree.py               nested values as a collapsible outline
own_frames.py         the end of an error's traceback in a notebook
error_lines.py        an error in a few lines, and its details
"""
