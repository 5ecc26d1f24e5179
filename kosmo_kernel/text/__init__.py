"""Small texts that every room writes and reads.

quantities.py  a count with its noun, a duration, a list of names, times as Heroku and JSON have them
nearest.py     known names for an unknown one
paths.py       a field of a record by its dotted name
patterns.py    regular expressions that are compiled when they are first used
width.py       texts within the columns of a terminal
"""
