"""A server whose one tool answers with hostile JSON, made of the seed in its argument: `python mcp_hostile_json.py`."""

from __future__ import annotations

import json
import random
import sys
from typing import Any

from hostile_json import hostile_record

TOOL = {
    "name": "read",
    "inputSchema": {"type": "object", "properties": {"seed": {"type": "integer"}}, "required": ["seed"]},
    "annotations": {"readOnlyHint": True},
}


def answer(request: dict[str, Any]) -> bytes:
    """Return the result of a request as JSON, or what is nearly JSON."""
    match request["method"]:
        case "initialize":
            result: dict[str, Any] = {
                "protocolVersion": request["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "hostile", "version": "1"},
            }
        case "tools/list":
            result = {"tools": [TOOL]}
        case _:
            record = hostile_record(random.Random(request["params"]["arguments"]["seed"]))
            return b'{"content":[],"structuredContent":' + record + b"}"
    return json.dumps(result).encode()


for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:
        head = f'{{"jsonrpc":"2.0","id":{json.dumps(asked["id"])},"result":'.encode()
        sys.stdout.buffer.write(head + answer(asked).replace(b"\n", b"") + b"}\n")
        if asked["method"] == "tools/call":  # so that nobody waits for a response in place of a line that is no JSON
            error = {"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32603, "message": "That was all."}}
            sys.stdout.buffer.write(json.dumps(error).encode() + b"\n")
        sys.stdout.flush()
