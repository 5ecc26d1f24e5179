"""Read settings from files, cell options and environment variables.

table.py          every setting: its names in each place, its default and its check
value_types.py    the kinds of values, with the parsing and the checks
config_file.py    the user's `config.toml`
project_file.py   `[tool.kosmo_kernel]` in a project's `pyproject.toml`
cell_options.py   the options of a cell
limits.py         memory, time and size limits of a run
response_budget.py  bytes and records that the responses of a run may have
ignored.py        what looks like a setting and sets nothing
permissions.py    what scripts may do with an account or an MCP server
aliases.py        comparison of account names
private_files.py  files that only their owner may read
python_start.py   options that start Python without the working directory
"""
