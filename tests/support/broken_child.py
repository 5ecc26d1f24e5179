"""The `worker` of a process that an intruder has taken over: it greets, and then does what a test describes."""

WORKER = """
import json, os, signal, struct, time

signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # it stops for nobody

def raw(data):
    while data:
        data = data[os.write(1, data):]

def framed(payload):
    raw(struct.pack(">I", len(payload)) + payload)

def say(header, *blobs):
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    if blobs:
        head = json.dumps({{"blobs": [len(blob) for blob in blobs], **header}}).encode()
    framed(struct.pack(">I", len(head)) + head + b"".join(blobs))

def exactly(size):
    data = b""
    while len(data) < size:
        data += os.read(0, size - len(data)) or os._exit(0)
    return data

def hear():
    return exactly(struct.unpack(">I", exactly(4))[0])

def ready():
    hear()
    say({{"kind": "ready", "memory": 1, "released": []}}, b"")

def greet():
    ready()
    hear()

def done(values, *blobs, memory=1):
    say({{"kind": "done", "values": values, "hidden": False, "memory": memory}}, *blobs)

def ints(*numbers):
    return struct.pack(f"={{len(numbers)}}q", *numbers)

def value(*blobs, **described):
    done([described], *blobs)

def failed(**told):
    say({{"kind": "failed", "type": "lua_runtime", "message": "x", "stack": [], **told}})

APPS = {{"id": 1, "path": "heroku.list_apps", "arguments": [], "texts": 0}}
def call(**told): ask("next", begin=[{{**APPS, **told}}])
def drop(ids): say({{"kind": "drop", "ids": ids}})

def ask(kind, **asked):
    say({{"kind": kind, **asked}})
    hear()

def main(*_anything):
{body}
    time.sleep(60)
"""
