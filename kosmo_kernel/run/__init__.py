"""One run of a script, as its script sees it.

run.py       what the script asks and says, answered and noted: the machine's `Host`
asking.py    its calls: checked, begun, waited for and logged
telling.py   when somebody is told how far they are
"""

from __future__ import annotations

from kosmo_kernel.run.asking import Asking as Asking
from kosmo_kernel.run.run import OUTPUT_LINES as OUTPUT_LINES
from kosmo_kernel.run.run import OUTPUT_MOST as OUTPUT_MOST
from kosmo_kernel.run.run import Run as Run
