"""Small texts that every room writes: counts, durations, times, and the nearest of some names.

quantities.py  a count with its noun, a duration
times.py       times as Heroku and JSON have them
nearest.py     known names for an unknown one
"""
