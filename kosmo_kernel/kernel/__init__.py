"""The Lua kernel: it connects Jupyter's messaging protocol to a `kosmo_kernel.session.Session`.

The kernel implements the protocol directly on ZeroMQ. ipykernel's base class would bring Python's shell, event loops
and threads, much of which would have to be overridden for another language. Lua itself runs in a child process.
Jupyter starts the kernel as `python -E -P -m kosmo_kernel.kernel -f CONNECTION_FILE`, see `settings/installation.py`.

__main__.py     the entry point: command line, signals, start
channels.py     the ZeroMQ sockets, the messages on them, and the thread that serves the shell channel during a cell
protocol.py     the handlers of all request types
notebook.py     the session of one notebook, and the content of its replies
history.py      the inputs of the session
"""
