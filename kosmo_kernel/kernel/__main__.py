"""`python -m kosmo_kernel.kernel` runs the Lua kernel."""

import gc
import os
import sys

# `python -m` looks for modules in the notebook's directory first: a file there that is named like one of
# Python's own modules must not be imported in its place. Entries of Jupyter's list have `-P` for that, which is the
# only way for what is imported before this; one that an older version wrote has not.
if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

# What is imported stays for good; to search it for garbage while it comes in takes a tenth of the start.
gc.disable()

from kosmo_kernel.kernel.app import main  # noqa: E402 - after the lines above

if __name__ == "__main__":
    main()
