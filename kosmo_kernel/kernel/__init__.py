"""The Lua kernel: Jupyter's protocol on one side, a `kosmo_kernel.session.Session` on the other.

It speaks the protocol itself, with ZeroMQ and nothing else: the base class that Python's kernel offers would bring
the shell, the event loops and the threads of that one, and then much of it had to be corrected for another language.

`app.py` starts the kernel; `channels.py` has its sockets and `messages.py` what goes over them. `protocol.py` takes the
requests and hands each to `notebook.py`, which has the session and makes the answers. `execute.py` tells what a cell
asks for and how its values are shown, `outline.py` and `failures.py` how tables and errors are. `history.py` keeps
what was typed, `comms.py` is for widgets, `parameters.py` for papermill. The kernel holds no Lua: that is another
process.

Started by Jupyter as `python -E -P -m kosmo_kernel.kernel -f CONNECTION_FILE`, see `python_start.py`.
"""
