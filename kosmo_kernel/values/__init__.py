"""Values on their way between services, Lua and Python.

records.py         what a call returned: records that remember their function
fields.py          the fields of records, as the columns of a table
extended_json.py   JSON with NaN, infinities and integers for keys
from_python.py     Python's values as Lua takes them
standard_types.py  those of the standard library
numpy_pandas.py    those of numpy and pandas
lua_syntax.py      names and values as Lua's source writes them
"""
