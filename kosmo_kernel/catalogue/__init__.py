"""The catalogue: the services that can be called and their functions, as data.

integration.py     a service: its functions and its HTTP
function_table.py  its functions by name, each made when it is first needed
model.py           functions, parameters and columns
validation.py      checks an integration and reports all its mistakes at once
http.py            the types with which an integration describes its HTTP
pages.py           how the pages of a list follow
documents/         facts from API documents, and functions made from them
lua_words.py       values in Lua's terms
scopes.py          which functions need which scope of a token
missing.py         why there is no function of a name
"""

from __future__ import annotations

from kosmo_kernel.catalogue.function_table import FunctionTable as FunctionTable
from kosmo_kernel.catalogue.integration import Integration as Integration
from kosmo_kernel.catalogue.lua_words import lua_words as lua_words
from kosmo_kernel.catalogue.missing import missing_function as missing_function
from kosmo_kernel.catalogue.missing import refused_change as refused_change
from kosmo_kernel.catalogue.model import DEFAULT_CONCURRENCY as DEFAULT_CONCURRENCY
from kosmo_kernel.catalogue.model import ERROR_MODES as ERROR_MODES
from kosmo_kernel.catalogue.model import MAX_CONCURRENCY as MAX_CONCURRENCY
from kosmo_kernel.catalogue.model import NEWEST as NEWEST
from kosmo_kernel.catalogue.model import PLACE as PLACE
from kosmo_kernel.catalogue.model import RESERVED as RESERVED
from kosmo_kernel.catalogue.model import SINCE as SINCE
from kosmo_kernel.catalogue.model import BulkSource as BulkSource
from kosmo_kernel.catalogue.model import Column as Column
from kosmo_kernel.catalogue.model import ColumnKind as ColumnKind
from kosmo_kernel.catalogue.model import Function as Function
from kosmo_kernel.catalogue.model import Link as Link
from kosmo_kernel.catalogue.model import LocalRecords as LocalRecords
from kosmo_kernel.catalogue.model import Lookup as Lookup
from kosmo_kernel.catalogue.model import Param as Param
