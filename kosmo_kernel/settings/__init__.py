"""Read settings from files, cell options and environment variables.

table.py          every setting: its names in each place, its default, and the check of its values
config_file.py    the user's `config.toml`, the folders of the user, and what is set and has no effect
removed.py        settings that were removed, and what to do instead
cell_options.py   the options of a cell
limits.py         memory, time and size limits of a run and of its responses
notebook_run.py   what `kosmo run` passes to the kernel of its notebook
private_files.py  files and folders that only their owner may read, written whole or not at all
installation.py   how to install extras, and how to start Python without the working directory
"""
