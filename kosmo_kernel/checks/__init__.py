"""Ask questions about an account, and report what they found: checks that fail a build, and tables.

run.py         run questions in fresh Lua states over one account
outcome.py     turn the result of a run into rows and findings, or into the reason why there are none
report.py      what was found, what passed, and what could not be read
acceptances.py accept findings until a day
comparison.py  compare the findings with those of an earlier state
json_document.py, junit.py, sarif.py, comment.py  reports for programs, CI servers, code scanning and pull requests
cell.py        `%kosmo check` and `%kosmo table` in notebooks

What a question is, and where its files are, is in `questions/`.
"""
