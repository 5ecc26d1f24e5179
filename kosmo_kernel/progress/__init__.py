"""The progress of a run: what it counts, what is to come, and the line that shows it.

run.py       the counts and pauses of one run, and what is to come by the rate limits of the accounts
display.py   the line that shows it: what it says, when it is shown, and how a terminal draws it
"""
