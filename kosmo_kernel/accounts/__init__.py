"""Which token goes to which address.

account.py         an account, and how its name is compared
addresses.py       where a service's API is, and who may be given a token
discovery.py          the places that a token is looked for in
store.py           the accounts that `kosmo accounts:add` keeps
system_keyring.py  the system's keyring, which may take its time
sign_in.py         tokens that other programs keep: Heroku's CLI, `~/.netrc`

The account `demo` is fiction, of services that have one (`Integration.demo`); the session makes it, this room only
keeps its name free.
"""

from __future__ import annotations

from kosmo_kernel.accounts.account import DEFAULT as DEFAULT
from kosmo_kernel.accounts.account import DEMO as DEMO
from kosmo_kernel.accounts.account import RESERVED as RESERVED
from kosmo_kernel.accounts.account import USUAL as USUAL
from kosmo_kernel.accounts.account import Account as Account
from kosmo_kernel.accounts.account import canonical_reserved as canonical_reserved
from kosmo_kernel.accounts.account import check_token as check_token
from kosmo_kernel.accounts.account import variable_of as variable_of
from kosmo_kernel.accounts.addresses import address as address
from kosmo_kernel.accounts.addresses import is_loopback as is_loopback
from kosmo_kernel.accounts.discovery import Step as Step
from kosmo_kernel.accounts.discovery import demo_chosen as demo_chosen
from kosmo_kernel.accounts.discovery import fault as fault
from kosmo_kernel.accounts.discovery import find as find
from kosmo_kernel.accounts.discovery import listed as listed
from kosmo_kernel.accounts.discovery import lua_path as lua_path
from kosmo_kernel.accounts.discovery import names as names
from kosmo_kernel.accounts.discovery import steps as steps
from kosmo_kernel.accounts.discovery import ways as ways
