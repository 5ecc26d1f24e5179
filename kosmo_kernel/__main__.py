"""Entry point of `python -m kosmo_kernel`, which runs the command `kosmo`.

`python -m` imports its own modules and this package from the working directory first, which is unsafe in a folder that
you do not trust; use `kosmo` or `python -P -m kosmo_kernel` there. Later imports do not use the working directory.
"""

import os
import sys

if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

from kosmo_kernel.cli import main

if __name__ == "__main__":
    main()
