"""`python -m kosmo_kernel` is the command `kosmo`."""

from kosmo_kernel.cli import main

if __name__ == "__main__":
    main()
