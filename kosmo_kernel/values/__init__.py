"""Convert values between services, Lua and Python.

records.py        the records that a call returned, with their function and account, and records as JSON
fields.py         the fields of records, for the columns of a table
extended_json.py  JSON with NaN, infinities and integer keys
from_python.py    Python values for Lua, those of numpy and pandas as well
lua_literals.py   names and values as Lua source, and parameters
"""
