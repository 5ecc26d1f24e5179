"""Questions about an account: small files of Lua below a head of comments, which return lists of records.

head.py        read the head of a file
question.py    what a question is: a check, whose records are findings, or a table
parameters.py  read the parameters of a question
discovery.py   find questions: shipped ones, those of the user's folder, and files of a command line
shipped.py     find the files that come with this package, which the folders of the services have
own_folder.py  find those of the user's own folder

`checks/` runs them, and reports what they found.
"""
