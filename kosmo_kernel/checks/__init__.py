"""Ask questions about an account, and report what they found: checks that fail a build, and tables.

run.py         run questions in fresh Lua states over one account, and turn each result into rows and findings
report.py      what was found, what passed, and what could not be read; as a table and as JSON
summary.py     the same in few characters, for agents
parameters.py  the values of parameters
exemptions.py  findings that do not fail a run: accepted until a day, or those of an earlier state
ci_formats.py    reports for CI servers
cell.py        `%kosmo check` and `%kosmo table` in notebooks

What a question is, and where its files are, is in `questions/`.
"""
