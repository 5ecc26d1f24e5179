"""An MCP server that is hostile in all it says: `python tests/support/mcp_hostile_cases.py CASES [NUMBER]`.

`CASES` is a file of JSON with the cases of `hostile_outputs.py`: number, door and text. There is a tool for each of
them, which has the text where the door says. With a number the server has that text in what it says of itself.
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


def about(case: Case) -> Message:
    """Return what the server says of itself; of no case nothing much."""
    told: Message = {"serverInfo": {"name": "hostile", "version": "1"}}
    match case.get("door"):
        case "the title of a server":
            told["serverInfo"]["title"] = case["text"]
        case "the version of a server":
            told["serverInfo"]["version"] = case["text"]
        case "the instructions of a server":
            told["instructions"] = case["text"]
    return told


def tool(case: Case) -> Message:
    """Return a tool with the text of a case at its place."""
    text, door = case["text"], case["door"]
    described = {
        "the title of a tool": {"title": text},
        "%kosmo docs": {"title": text},
        "a question": {"title": text},
        "the description of a tool": {"description": text},
    }
    of_argument: dict[str, Message] = {
        "the type of an argument": {"type": text},
        "the reference of an argument": {"$ref": f"#/$defs/{text}"},
        "the meaning of an argument": {"description": text},
        "the values of an argument": {"enum": [text]},
        "the default of an argument": {"default": text},
    }
    name = text if door == "the name of an argument" else "a"
    made = {
        "name": f"t{case['number']}",
        "description": "Do.",
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    }
    made |= described.get(door, {})
    made["inputSchema"] = _object({name: {"type": "string"} | of_argument.get(door, {})})
    if door == "the name of a result":
        made["outputSchema"] = _object({text: {"type": "string"}})
    if door == "the type of a result":
        made["outputSchema"] = _object({"r": {"type": text}})
    return made


def _object(properties: Message) -> Message:
    return {"type": "object", "properties": properties}


def call(asked: Message, case: Case) -> Message:
    """Return what the tool of a case gives."""
    text = case["text"]
    match case["door"]:
        case "what a tool refuses":
            return {"content": [{"type": "text", "text": text}], "isError": True}
        case "what a tool tells":
            token = asked["params"]["_meta"]["progressToken"]
            progress = {"progressToken": token, "progress": 1, "total": 2, "message": text}
            say({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress})
            message = {"level": "warning", "data": text}
            say({"jsonrpc": "2.0", "method": "notifications/message", "params": message})
        case "HTML of a tool" | "Markdown of a tool":
            kind = "text/html" if case["door"].startswith("HTML") else "text/markdown"
            return {"content": [{"type": "resource", "resource": {"uri": "x:y", "mimeType": kind, "text": text}}]}
    return {"content": [{"type": "text", "text": json.dumps([{"a": text, text: 1}])}]}


def main() -> None:
    cases: list[Case] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    by_name = {f"t{case['number']}": case for case in cases}
    own = by_name[f"t{sys.argv[2]}"] if len(sys.argv) > 2 else {}
    for line in sys.stdin:
        asked = json.loads(line)
        match asked.get("method"):
            case "initialize":
                version = asked["params"]["protocolVersion"]
                result = {"protocolVersion": version, "capabilities": {"tools": {}, "logging": {}}} | about(own)
            case "tools/list":
                result = {"tools": [] if own else [tool(case) for case in cases]}
            case "tools/call":
                result = call(asked, by_name[asked["params"]["name"]])
            case _ if "id" in asked:
                say({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "Method not found"}})
                continue
            case _:
                continue
        say({"jsonrpc": "2.0", "id": asked["id"], "result": result})


if __name__ == "__main__":
    main()
