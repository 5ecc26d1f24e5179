"""Run the Lua kernel with `python -m kosmo_kernel.kernel`."""

import gc
import os
import sys

# `python -m` searches the notebook's directory first, where a file could shadow a module of the standard library.
# Our kernel specs pass `-P`, which also protects imports that run before this line; specs written by older versions
# do not.
if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

# Imported modules stay alive, so garbage collection during the imports would waste a tenth of the startup time.
gc.disable()

from kosmo_kernel.kernel.app import main  # noqa: E402 - the path must be cleaned first

if __name__ == "__main__":
    main()
