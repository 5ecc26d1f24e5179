"""The result of a run, and the forms in which it is stored and returned.

result.py        the values, output, notes and calls of a run
dry_run.py       the calls that a dry run would have made, as a table
run_document.py  the JSON document of `--json`
call_log.py      a line per run in the file that `KOSMO_CALL_LOG` names
"""
