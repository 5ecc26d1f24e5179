"""A server of ours that misbehaves: `python mcp_faulty.py FAULT`. It speaks the handshake of 2025, by hand.

Without a fault it does what the protocol asks for. The faults are the functions below; each changes one thing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
NOTHING = {"type": "object", "properties": {}}
TOOLS = [
    {
        "name": "echo",
        "description": "Say it again.",
        "inputSchema": TEXT,
        "annotations": {"readOnlyHint": True},
    },
    {"name": "fail", "description": "Turn it down.", "inputSchema": NOTHING},
    {"name": "pid", "description": "Whose process this is.", "inputSchema": NOTHING},
    {"name": "misbehave", "description": "Do what the fault says.", "inputSchema": NOTHING},
]


def say(message: Message) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def answer(asked: Message, result: Any) -> None:
    say({"jsonrpc": "2.0", "id": asked["id"], "result": result})


def texts(*parts: str, wrong: bool = False) -> Message:
    return {"content": [{"type": "text", "text": part} for part in parts], "isError": wrong}


def greeting(asked: Message) -> Message:
    return {
        "protocolVersion": asked["params"]["protocolVersion"],
        "capabilities": {"tools": {"listChanged": True}},
        "serverInfo": {"name": "faulty", "version": "1"},
    }


def call(asked: Message) -> None:
    name, arguments = asked["params"]["name"], asked["params"].get("arguments") or {}
    match name:
        case "echo":
            answer(asked, texts(arguments["text"]))
        case "fail":
            answer(asked, texts("no such thing", wrong=True))
        case "pid":
            answer(asked, texts(str(os.getpid())))
        case _:
            FAULTS[sys.argv[1]](asked)


def handle(asked: Message) -> None:
    match asked.get("method"):
        case "initialize":
            answer(asked, greeting(asked))
        case "tools/list":
            answer(asked, {"tools": TOOLS})
        case "tools/call":
            call(asked)
        case str() if "id" in asked:
            say({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "Method not found"}})


# Faults -----------------------------------------------------------------------------------------------------------


def dies(_asked: Message) -> None:
    sys.stderr.write("cannot open the ledger\n\x1b[31mthe key was open-sesame-42\n")
    sys.stderr.flush()
    os._exit(3)


def silent(_asked: Message) -> None:
    return


def stuck(_asked: Message) -> None:
    sys.stderr.write("waiting for a lock\n")
    sys.stderr.flush()
    time.sleep(600)


def malformed(asked: Message) -> None:
    say({"jsonrpc": "2.0", "id": asked["id"], "outcome": "fine"})


def rejected(asked: Message) -> None:
    """Send an error with the code and the message of an error that a client makes for a malformed response."""
    fault = {"code": -32700, "message": "its answer is no JSON-RPC message"}
    say({"jsonrpc": "2.0", "id": asked["id"], "error": fault})


def wrong_shape(asked: Message) -> None:
    answer(asked, {"content": "not a list"})


def no_text(asked: Message) -> None:
    sys.stdout.buffer.write(b'{"jsonrpc": "2.0", "id": "\xff"}\n\x00\xfe\n')
    answer(asked, texts("fine"))


def huge(_asked: Message) -> None:
    piece = "x" * (1 << 20)
    for _ in range(80):
        sys.stdout.write(piece)
    sys.stdout.flush()


def many_values(asked: Message) -> None:
    """Answer with lists of three bytes each, which take thirty times that in memory."""
    result = json.dumps({**texts("many"), "structuredContent": {"rows": []}}).replace("[]", f"[{'[],' * 1_500_000}[]]")
    sys.stdout.write(f'{{"jsonrpc": "2.0", "id": {json.dumps(asked["id"])}, "result": {result}}}\n')
    sys.stdout.flush()


def noise(asked: Message) -> None:
    sys.stdout.write("working …\n{\n[1, 2]\n\n")
    answer(asked, texts("fine"))


def changes(asked: Message) -> None:
    TOOLS.append({"name": "late", "description": "Came later.", "inputSchema": NOTHING})
    say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    answer(asked, texts("changed"))


def asks(asked: Message) -> None:
    """Ask the client for something of its user again and again."""
    for number in range(100):
        say(
            {
                "jsonrpc": "2.0",
                "id": f"ask-{number}",
                "method": "elicitation/create",
                "params": {"message": "Do you trust me?", "requestedSchema": NOTHING},
            }
        )
    refusals = sum("error" in json.loads(sys.stdin.readline()) for _ in range(100))
    answer(asked, texts(f"{refusals} refusals"))


def renames(asked: Message) -> None:
    """Give a tool that may change something another name with each call."""
    TOOLS[-1]["name"] = f"misbehave_{asked['id']}"
    say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    answer(asked, texts("renamed"))


def shows(asked: Message) -> None:
    """Send a GIF, and two drawings that must not be shown."""
    gif = "R0lGODdhAwACAIEAAMjIyAAAAAAAAAAAACwAAAAAAwACAAAIBgABCBwYEAA7"
    drawing = {"uri": "x:y", "mimeType": "image/svg+xml", "text": "<svg xmlns='http://www.w3.org/2000/svg'/>"}
    pictures = [
        {"type": "image", "mimeType": "image/gif", "data": gif},
        {"type": "image", "mimeType": "image/svg+xml", "data": "PHN2Zy8+"},
        {"type": "resource", "resource": drawing},
    ]
    answer(asked, {"content": pictures})


FAULTS: dict[str, Callable[[Message], None]] = {
    name: function
    for name, function in globals().items()
    if callable(function) and getattr(function, "__module__", "") == __name__ and name not in ("say", "answer", "call")
}


def pages(asked: Message) -> None:
    """Tools in pages of one; the last but one leads back to the first where they go round."""
    at = int((asked.get("params") or {}).get("cursor") or 0)
    following = at + 1 if at + 1 < len(TOOLS) else 0 if sys.argv[1] == "round" else None
    answer(asked, {"tools": [TOOLS[at]]} | ({"nextCursor": str(following)} if following is not None else {}))


STUBBORN = (
    "stubborn",
    "mute_and_stubborn",
)  # neither the end of its input nor a word ends it, nor the child that it has


def begin(fault: str) -> None:
    """Return what it does before it reads anything."""
    if fault == "dies_at_start":
        dies({})
    if fault == "noise_at_start":
        sys.stdout.write("Welcome to the faulty server!\n\n")
    if fault in STUBBORN:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


def main() -> None:
    fault = sys.argv[1] if len(sys.argv) > 1 else ""
    begin(fault)
    for number, line in enumerate(sys.stdin):
        asked = json.loads(line)
        if fault in ("mute", "mute_and_stubborn"):
            continue
        if fault == "old" and number == 0 and asked["method"] != "initialize":
            sys.exit("expected initialize")  # as servers of some SDKs do
        if fault == "new" and asked["method"] == "initialize":
            say({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "Method not found"}})
            continue
        if fault in ("pages", "round") and asked.get("method") == "tools/list":
            pages(asked)
        elif fault == "many" and asked.get("method") == "tools/list":
            answer(asked, {"tools": [{"name": str(number), "inputSchema": NOTHING} for number in range(10_001)]})
        else:
            handle(asked)
    if fault in STUBBORN:
        time.sleep(600)


if __name__ == "__main__":
    main()
