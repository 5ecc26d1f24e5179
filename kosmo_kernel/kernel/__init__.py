"""The Lua kernel: Jupyter's protocol on one side, a `kosmo_kernel.session.Session` on the other.

ipykernel's base class speaks the protocol (sockets, signing, queues, the control thread). `app.py` starts it
without what only Python needs; `protocol.py` corrects it for a language that is not Python and hands each request
to `notebook.py`, which has the session and makes the answers; `execute.py` tells what a cell asks for and how its
values and errors are shown; `history.py` keeps what was typed. The kernel holds no Lua: that is another process.

Started by Jupyter as `python -m kosmo_kernel.kernel -f CONNECTION_FILE`.
"""
