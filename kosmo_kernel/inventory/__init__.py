"""An inventory: all that an account has and a move would have to carry, in one folder.

The folder has a page to read (`index.html`), the tables as JSON and CSV, a summary as JSON, and import blocks for
Terraform. It appears whole or not at all. No value of a config var and no other secret is in it, and what the token may
not read is listed, on the page and in the summary.

source.py  read the lists, from the network or from a snapshot; the bill, key figures, and what could not be read
tables.py  the tables, which the Lua of each makes of these lists, without a request
page.py    the page
folder.py  write the folder, with import blocks for Terraform
"""

from __future__ import annotations

from kosmo_kernel.inventory.folder import SUMMARY as SUMMARY
from kosmo_kernel.inventory.folder import may_be_replaced as may_be_replaced
from kosmo_kernel.inventory.folder import write as write
from kosmo_kernel.inventory.page import PAGE as PAGE
from kosmo_kernel.inventory.source import AccountData as AccountData
from kosmo_kernel.inventory.source import Bill as Bill
from kosmo_kernel.inventory.source import bill_from as bill_from
from kosmo_kernel.inventory.source import from_account as from_account
from kosmo_kernel.inventory.source import from_snapshot as from_snapshot
from kosmo_kernel.inventory.source import key_figures as key_figures
from kosmo_kernel.inventory.source import rows_of as rows_of
from kosmo_kernel.inventory.source import total as total
from kosmo_kernel.inventory.source import unread as unread
