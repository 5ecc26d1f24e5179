"""What can be called, as data.

integration.py a service: its functions and its HTTP
model.py       functions, parameters and columns
validation.py  every mistake of an integration at once
http.py        the words in which an integration describes its HTTP
nearest.py     the names most like an unknown one
"""

from __future__ import annotations

from kosmo_kernel.catalogue.integration import Integration as Integration
from kosmo_kernel.catalogue.model import DEFAULT_CONCURRENCY as DEFAULT_CONCURRENCY
from kosmo_kernel.catalogue.model import ERROR_MODES as ERROR_MODES
from kosmo_kernel.catalogue.model import MAX_CONCURRENCY as MAX_CONCURRENCY
from kosmo_kernel.catalogue.model import PLACE as PLACE
from kosmo_kernel.catalogue.model import RESERVED as RESERVED
from kosmo_kernel.catalogue.model import BulkSource as BulkSource
from kosmo_kernel.catalogue.model import Column as Column
from kosmo_kernel.catalogue.model import ColumnKind as ColumnKind
from kosmo_kernel.catalogue.model import Function as Function
from kosmo_kernel.catalogue.model import Param as Param
from kosmo_kernel.catalogue.nearest import nearest as nearest
