"""Checks: questions about an account whose answers are findings, each a small file of Lua that anybody can write.

check_file.py  read the file of a check: its head, its parameters, and its Lua
discovery.py   find checks: those in `shipped/`, those of the user's folder, files and folders
run.py         run checks in fresh Lua states over one account
acceptances.py accept findings until a day
comparison.py  compare the findings with those of an earlier state
sarif.py, junit.py, comment.py  reports for code scanning, CI servers and pull requests
report.py      what they found, what passed, and what could not be checked
"""

from kosmo_kernel.checks.acceptances import accept as accept
from kosmo_kernel.checks.acceptances import accept_all as accept_all
from kosmo_kernel.checks.acceptances import acceptance_file as acceptance_file
from kosmo_kernel.checks.acceptances import read_acceptances as read_acceptances
from kosmo_kernel.checks.check_file import SEVERITIES as SEVERITIES
from kosmo_kernel.checks.check_file import Check as Check
from kosmo_kernel.checks.check_file import parse_check as parse_check
from kosmo_kernel.checks.check_file import read_check as read_check
from kosmo_kernel.checks.comparison import compare as compare
from kosmo_kernel.checks.discovery import all_checks as all_checks
from kosmo_kernel.checks.discovery import find_check as find_check
from kosmo_kernel.checks.discovery import select_checks as select_checks
from kosmo_kernel.checks.discovery import shipped_checks as shipped_checks
from kosmo_kernel.checks.report import CheckReport as CheckReport
from kosmo_kernel.checks.report import CheckResult as CheckResult
from kosmo_kernel.checks.report import Finding as Finding
from kosmo_kernel.checks.run import run_checks as run_checks
