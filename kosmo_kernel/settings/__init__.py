"""What can be set, and by whom.

config_file.py    the user's `config.toml`
project_file.py   `[tool.kosmo_kernel]` in a project's `pyproject.toml`
cell_options.py   the options of a cell
env.py            environment variables that are 1 or 0
limits.py         what one run may use
permissions.py    what scripts may do with an account or an MCP server
aliases.py        how the names of accounts compare
private_files.py  files that only their owner may read
toml.py           TOML that says where its mistakes are
"""
