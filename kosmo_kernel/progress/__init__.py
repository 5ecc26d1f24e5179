"""The progress of a run: what it counts, what is to come, and the line that shows it.

run.py       the counts and pauses of one run
estimate.py  what is to come, by the rate limits of the accounts
snapshot.py  the progress at one moment, as a line of text or HTML
display.py   the line of one run, in any place
throttle.py  when the line is shown
terminal.py  the line on the last line of a terminal
"""
