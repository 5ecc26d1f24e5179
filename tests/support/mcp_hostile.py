"""A server that says of itself and its tools what a file has: `python tests/support/mcp_hostile.py FILE`.

The file is JSON with `serverInfo`, `instructions` and `tools`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    about: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" not in asked:
            continue
        answer: dict[str, Any]
        match asked["method"]:
            case "initialize":
                version = asked["params"]["protocolVersion"]
                answer = {"result": {"protocolVersion": version, "capabilities": {"tools": {}}} | about}
                del answer["result"]["tools"]
            case "tools/list":
                answer = {"result": {"tools": about["tools"]}}
            case _:
                answer = {"error": {"code": -32601, "message": "Method not found"}}
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": asked["id"]} | answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
