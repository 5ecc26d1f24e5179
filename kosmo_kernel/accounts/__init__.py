"""Accounts: the tokens of a service, where they are found, and to which addresses they may be sent.

account.py       an account, its alias and its address, and which accounts are fictional
discovery.py     the places where a token is searched for, and the list of all accounts with their remaining requests
store.py         the accounts that `kosmo accounts:add` stores, and the system keyring
fingerprints.py  fingerprints of secrets, by which equal ones are known

The account `demo` has fictional data, for services that have one (`Integration.demo`), and so have a few others beside
it. The session makes them; this package only knows their names.
"""

from __future__ import annotations

from kosmo_kernel.accounts.account import DEFAULT as DEFAULT
from kosmo_kernel.accounts.account import DEMO as DEMO
from kosmo_kernel.accounts.account import NOT_AN_ALIAS as NOT_AN_ALIAS
from kosmo_kernel.accounts.account import Account as Account
from kosmo_kernel.accounts.account import account_in_use as account_in_use
from kosmo_kernel.accounts.account import address as address
from kosmo_kernel.accounts.account import canonical_reserved as canonical_reserved
from kosmo_kernel.accounts.account import demo_places as demo_places
from kosmo_kernel.accounts.account import is_demo as is_demo
from kosmo_kernel.accounts.account import is_loopback as is_loopback
from kosmo_kernel.accounts.account import looks_like_token as looks_like_token
from kosmo_kernel.accounts.account import other_address as other_address
from kosmo_kernel.accounts.account import variable_of as variable_of
from kosmo_kernel.accounts.discovery import demo_chosen as demo_chosen
from kosmo_kernel.accounts.discovery import fault as fault
from kosmo_kernel.accounts.discovery import find as find
from kosmo_kernel.accounts.discovery import how_to_add as how_to_add
from kosmo_kernel.accounts.discovery import lua_path as lua_path
from kosmo_kernel.accounts.discovery import names as names
from kosmo_kernel.accounts.discovery import token_sources as token_sources
from kosmo_kernel.accounts.discovery import ways as ways
