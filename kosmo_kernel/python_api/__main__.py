"""Write the stub files of the built-in integrations: `python -m kosmo_kernel.python_api`."""

from __future__ import annotations

from kosmo_kernel.integrations import BUILT_IN
from kosmo_kernel.python_api.stub import stub, stub_file

for integration in BUILT_IN:
    stub_file(integration).write_text(stub(integration), encoding="utf-8")
