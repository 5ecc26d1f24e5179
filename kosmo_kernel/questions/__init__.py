"""Questions about an account: small files of Lua below a head of comments, which return lists of records.

head.py        read the head of a file: what the question is about, and its parameters
tables.py      find the tables: questions that several reports share, `heroku.tables.costs()` in Lua
parameters.py  read the parameters of a question
shipped.py     find the questions that come with this package, which the folders of the services have
own_folder.py  find those of the user's own folder

A file with a severity is a check (`kosmo_kernel/checks`), whose records are findings; one without it is a table.
"""
