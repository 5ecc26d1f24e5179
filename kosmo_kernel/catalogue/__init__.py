"""The catalogue: the services that can be called and their functions, as data.

integration.py  a service: its functions by name, why there is none of a name, and which scope of a token each needs
model.py        functions, parameters and columns
http.py         the types with which an integration describes its HTTP
inventory.py    what an inventory of a service has
"""

from __future__ import annotations

from kosmo_kernel.catalogue.integration import FunctionTable as FunctionTable
from kosmo_kernel.catalogue.integration import Integration as Integration
from kosmo_kernel.catalogue.integration import missing_function as missing_function
from kosmo_kernel.catalogue.integration import refused_change as refused_change
from kosmo_kernel.catalogue.model import CHOICE as CHOICE
from kosmo_kernel.catalogue.model import CONCURRENCY as CONCURRENCY
from kosmo_kernel.catalogue.model import ERROR_MODES as ERROR_MODES
from kosmo_kernel.catalogue.model import NEWEST as NEWEST
from kosmo_kernel.catalogue.model import PLACE as PLACE
from kosmo_kernel.catalogue.model import RESERVED as RESERVED
from kosmo_kernel.catalogue.model import SINCE as SINCE
from kosmo_kernel.catalogue.model import BulkSource as BulkSource
from kosmo_kernel.catalogue.model import Column as Column
from kosmo_kernel.catalogue.model import ColumnKind as ColumnKind
from kosmo_kernel.catalogue.model import Function as Function
from kosmo_kernel.catalogue.model import Link as Link
from kosmo_kernel.catalogue.model import Lookup as Lookup
from kosmo_kernel.catalogue.model import Param as Param
from kosmo_kernel.catalogue.model import lua_words as lua_words
