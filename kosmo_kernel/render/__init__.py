"""Render values as text, as HTML and as DataFrames. Nothing here calls a service or runs Lua.

text.py         values as indented text, the cells of a column, and a table as lines of text within a width
tables.py       what a table is: its columns with their kinds, its counts; tables of records, and writers
page_parts.py   tables, cards and charts of pages
bounded.py      any value within a number of characters, for agents
frames.py       lists of records as DataFrames, the only file that imports pandas
display.py      values, what a script displays, and notes as MIME bundles; nested values as a collapsible outline
error_lines.py  an error in a few lines, and its details
"""
