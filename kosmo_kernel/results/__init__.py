"""The result of a run, and the forms in which it is stored and returned.

result.py    the values, output, notes and calls of a run; the plan of a dry run; the JSON document of `--json`
call_log.py  a line per run in the file that `KOSMO_CALL_LOG` names
"""
