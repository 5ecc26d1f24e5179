"""Run Lua in a sandboxed child process, and answer the requests that its scripts make.

`machine.py` is the entry point: it starts the child (`process.py`), sends it a chunk and handles its requests
(`request_handler.py`, `values.py`). `worker.py` is the child's main loop, and the `.lua` files are the code that it
loads into its Lua state. The room `walls/` restricts what the child can do; `process.py` and `messages.py` limit what
it can use. `regex_engine.py` matches regular expressions, in the reader.

`run.py` is one run of a script: its calls go through `calls/`, and `lookups.py` answers its other requests.
`failure.py` is how a run fails. `lint.py`, `mistakes.py` and `habits.py` say what its text gets wrong. `state.py` is
the state of a session.
"""
