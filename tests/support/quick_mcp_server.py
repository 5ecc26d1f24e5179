"""The hall of `sample_mcp_server.py` without the SDK, which takes a second to import: `python quick_mcp_server.py`.

It speaks the handshake of 2025 on its standard streams, and answers what clients of tests ask as the other one does:
`tests/mcp/test_servers.py` compares them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
READS = {"readOnlyHint": True, "openWorldHint": False}
ROW = {"title": "Row", "type": "integer"}
TEXT = {"title": "Text", "type": "string"}
SEAT = {
    "properties": {"row": ROW, "name": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Name"}},
    "required": ["row", "name"],
    "title": "Seat",
    "type": "object",
}


def schema(title: str, properties: Message, *required: str, **more: Any) -> Message:
    """Return the schema of an object, with the keys in the order in which the SDK writes them."""
    return (
        more
        | {"properties": properties}
        | ({"required": list(required)} if required else {})
        | {
            "title": title,
            "type": "object",
        }
    )


def returning(name: str, result: Message, **more: Any) -> Message:
    """Return the schema of a result that is no object."""
    return schema(f"{name}Output", {"result": {**result, "title": "Result"}}, "result", **more)


def tool(
    name: str, description: str, arguments: Message, output: Message | None = None, *, reads: bool = True
) -> Message:
    about = {"name": name, "description": description, "inputSchema": arguments}
    return about | ({"outputSchema": output} if output else {}) | ({"annotations": READS} if reads else {})


TOOLS = [
    tool(
        "list_seats",
        "All seats, from the front.",
        schema("list_seatsArguments", {"count": {"default": 3, "title": "Count", "type": "integer"}}),
        returning("list_seats", {"items": {"$ref": "#/$defs/Seat"}, "type": "array"}, **{"$defs": {"Seat": SEAT}}),
    ),
    tool("find_seat", "One seat.", schema("find_seatArguments", {"row": ROW}, "row"), SEAT),
    tool(
        "take-seat",
        "Take a seat, which changes the hall.",
        schema(
            "take_seatArguments",
            {
                "row": ROW,
                "name": {"title": "Name", "type": "string"},
                "tags": {
                    "anyOf": [{"items": {"type": "string"}, "type": "array"}, {"type": "null"}],
                    "default": None,
                    "title": "Tags",
                },
            },
            "row",
            "name",
        ),
        returning("take_seat", {"type": "string"}),
        reads=False,
    ),
    tool("say", "The text as it came.", schema("sayArguments", {"text": TEXT}, "text")),
    tool("picture", "A picture of the hall.", schema("pictureArguments", {})),
    tool("mixed", "A text, and where to read on.", schema("mixedArguments", {})),
    tool(
        "end",
        "Nothing comes after this.",
        schema("end_of_showArguments", {}),
        returning("end_of_show", {"type": "null"}),
    ),
    tool(
        "open_balcony",
        "Open the balcony, which has a tool of its own.",
        schema("open_balconyArguments", {}),
        returning("open_balcony", {"type": "string"}),
    ),
]
BALCONY = tool(
    "look_down",
    "Return what one sees from up there.",
    schema("look_downArguments", {}),
    returning("look_down", {"type": "string"}),
)
RESOURCES = {
    "hall://plan": {"mimeType": "text/markdown", "text": "# Plan\n\nRows 0 to 40."},
    "hall://photo": {"mimeType": "image/png", "blob": PIXEL},
}
LISTS: dict[str, Message] = {
    "tools/list": {"tools": TOOLS},
    "resources/list": {
        "resources": [
            {"name": "plan", "uri": "hall://plan", "description": "The plan of the hall.", "mimeType": "text/markdown"},
            {"name": "photo", "uri": "hall://photo", "description": "A photograph.", "mimeType": "image/png"},
        ]
    },
    "resources/templates/list": {
        "resourceTemplates": [
            {"name": "one_row", "uriTemplate": "hall://rows/{row}", "description": "One row.", "mimeType": "text/plain"}
        ]
    },
    "prompts/list": {
        "prompts": [
            {
                "name": "welcome",
                "description": "Return how to welcome somebody.",
                "arguments": [{"name": "name", "required": True}, {"name": "tone", "required": False}],
            }
        ]
    },
    "ping": {},
}


class RequestError(Exception):
    """A request that is answered with an error of the protocol."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def send(**message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def content(*parts: Any, is_error: bool = False, **more: Any) -> Message:
    """Return the result of a call: texts, and parts of other types."""
    whole = [part if isinstance(part, dict) else {"type": "text", "text": part} for part in parts]
    return {"content": whole, "isError": is_error, **more}


def structured(value: Any, *texts: str) -> Message:
    """Return the result of a call of a tool with an output schema."""
    return content(*texts, structuredContent=value)


def list_seats(count: int = 3) -> Message:
    seats = [{"row": row, "name": None if row % 2 else f"seat {row}"} for row in range(count)]
    return structured({"result": seats}, *(json.dumps(seat, indent=2) for seat in seats))


def find_seat(row: int) -> Message:
    if row > 40:
        return content("Error executing tool find_seat", is_error=True)
    seat = {"row": row, "name": "seat"}
    return structured(seat, json.dumps(seat, indent=2))


def take_seat(row: int, name: str, tags: list[str] | None = None) -> Message:
    text = f"{name} sits in row {row}, {', '.join(tags or []) or 'plain'}"
    return structured({"result": text}, text)


def say(text: str) -> Message:
    return content(text)


def open_balcony() -> Message:
    if BALCONY not in TOOLS:
        TOOLS.append(BALCONY)
        CALLS["look_down"] = lambda: structured({"result": "heads"}, "heads")
    send(method="notifications/tools/list_changed")
    send(method="notifications/message", params={"level": "info", "data": "the balcony is open"})
    return structured({"result": "open"}, "open")


CALLS: dict[str, Callable[..., Message]] = {
    "list_seats": list_seats,
    "find_seat": find_seat,
    "take-seat": take_seat,
    "say": say,
    "picture": lambda: content({"type": "image", "data": PIXEL, "mimeType": "image/png"}),
    "mixed": lambda: content("see the plan", {"type": "resource_link", "name": "plan", "uri": "hall://plan"}),
    "end": lambda: structured({"result": None}),
    "open_balcony": open_balcony,
}


def call(name: str, arguments: Message) -> Message:
    if name not in CALLS:
        return content(f"Unknown tool: {name}", is_error=True)
    return CALLS[name](**arguments)


def read(uri: str) -> Message:
    row = re.fullmatch(r"hall://rows/(\w+)", uri)
    part = {"mimeType": "text/plain", "text": f"row {row[1]}"} if row else RESOURCES.get(uri)
    if part is None:
        raise RequestError(-32602, f"Unknown resource: {uri}")
    return {"contents": [{"uri": uri, **part}]}


def prompt(name: str, arguments: Message) -> Message:
    if name != "welcome":
        raise RequestError(0, f"Unknown prompt: {name}")
    if "name" not in arguments:
        raise RequestError(0, "Missing required arguments: {'name'}")
    text = f"Welcome {arguments['name']} in a {arguments.get('tone', 'warm')} way."
    message = {"role": "user", "content": {"type": "text", "text": text}}
    return {"description": "Return how to welcome somebody.", "messages": [message]}


def answer(method: str, params: Message) -> Message:
    match method:
        case "initialize":
            return {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"prompts": {}, "resources": {}, "tools": {"listChanged": True}},
                "instructions": "Ask for a seat before you sit down.",
                "serverInfo": {"name": "hall", "title": "The Hall", "version": "2.5"},
            }
        case "tools/call":
            return call(params["name"], params.get("arguments") or {})
        case "resources/read":
            return read(params["uri"])
        case "prompts/get":
            return prompt(params["name"], params.get("arguments") or {})
        case _ if method in LISTS:
            return LISTS[method]
    raise RequestError(-32601, "Method not found")


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            try:
                send(id=message["id"], result=answer(message["method"], message.get("params") or {}))
            except RequestError as error:
                send(id=message["id"], error={"code": error.code, "message": str(error)})


if __name__ == "__main__":
    main()
