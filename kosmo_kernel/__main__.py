"""`python -m kosmo_kernel` is the command `kosmo`.

`python -m` looks in the working directory first for what it itself needs, and for this package; in a folder of
somebody else's use `kosmo`, or `python -P -m kosmo_kernel`. What is imported from here on does not come from there.
"""

import os
import sys

if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

from kosmo_kernel.cli import main

if __name__ == "__main__":
    main()
