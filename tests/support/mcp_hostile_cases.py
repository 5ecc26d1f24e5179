"""An MCP server that is hostile in all it says: `python tests/support/mcp_hostile_cases.py CASES`.

`CASES` is a file of JSON with the cases of `hostile_outputs.py`: number, door and text. There is a tool for each of
them, which has the text where the door says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Message = dict[str, Any]
Case = dict[str, Any]


def say(message: Message) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def tool(case: Case) -> Message:
    """Return a tool with the text of a case at its place."""
    description = case["text"] if case["door"] == "a list of tools" else "Do."
    return {
        "name": f"t{case['number']}",
        "description": description,
        "annotations": {"readOnlyHint": True},
        "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
    }


def call(case: Case) -> Message:
    """Return what the tool of a case gives."""
    text = case["text"]
    match case["door"]:
        case "what a tool refuses":
            return {"content": [{"type": "text", "text": text}], "isError": True}
        case "HTML of a tool" | "Markdown of a tool":
            kind = "text/html" if case["door"].startswith("HTML") else "text/markdown"
            return {"content": [{"type": "resource", "resource": {"uri": "x:y", "mimeType": kind, "text": text}}]}
    return {"content": [{"type": "text", "text": json.dumps([{"a": text, text: 1}])}]}


def main() -> None:
    cases: list[Case] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    by_name = {f"t{case['number']}": case for case in cases}
    for line in sys.stdin:
        asked = json.loads(line)
        match asked.get("method"):
            case "initialize":
                version = asked["params"]["protocolVersion"]
                result = {
                    "protocolVersion": version,
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "hostile", "version": "1"},
                }
            case "tools/list":
                result = {"tools": list(map(tool, cases))}
            case "tools/call":
                result = call(by_name[asked["params"]["name"]])
            case _ if "id" in asked:
                say({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "Method not found"}})
                continue
            case _:
                continue
        say({"jsonrpc": "2.0", "id": asked["id"], "result": result})


if __name__ == "__main__":
    main()
