"""Name what takes the place of each command, option and format that was dropped: one table, one sentence for each."""

from __future__ import annotations

_SERVERS = "MCP servers stand in `.mcp.json` of this folder and in ~/.kosmo/mcp.json. Edit one of these files"
_SERVICES = "Services are no longer made from API documents. An MCP server is called with `app.mcp`: `kosmo docs mcp`."
_SAFE = "CSV is always safe to open in a spreadsheet."
_MCP_LUA = "kosmo mcp:lua -e"

# By the words that were typed: a command, or a command and its first argument.
COMMANDS = {
    "accounts:list": "Use: kosmo status",
    "accounts:test": "Use: kosmo status",
    "archive export": "Use: kosmo archive FILE -o DIR",
    "archive info": "Use: kosmo archive FILE",
    "completion": 'click prints the script: eval "$(_KOSMO_COMPLETE=bash_source kosmo)" (or zsh_source, fish_source)',
    "integrations:add": _SERVICES,
    "integrations:configure": "Edit config.toml: `kosmo docs settings` has its keys.",
    "integrations:examples": "Use: kosmo docs NAME",
    "integrations:fields": "Use: kosmo status",
    "integrations:heroku": "Use: kosmo call heroku.FUNCTION",
    "integrations:list": "Use: kosmo docs",
    "integrations:remove": _SERVICES,
    "integrations:schema": "Use: kosmo docs NAME --json, whose `input_schema` it is",
    "integrations:update": _SERVICES,
    "mcp:add": f"{_SERVERS}.",
    "mcp:call": f"Use: {_MCP_LUA} 'return app.mcp.SERVER.TOOL(ARGUMENTS)'",
    "mcp:configure": f"{_SERVERS}.",
    "mcp:disable": f"{_SERVERS}, and take the server out.",
    "mcp:doctor": "Use: kosmo mcp:list",
    "mcp:enable": f"{_SERVERS}.",
    "mcp:export": f"{_SERVERS}: other clients read the same entries.",
    "mcp:import": f"{_SERVERS}: entries of other clients work there.",
    "mcp:prompts": "Prompts of MCP servers are not read. Their tools: kosmo mcp:list",
    "mcp:remove": f"{_SERVERS}, and take the server out.",
    "mcp:resources": "Resources of MCP servers are not read. Their tools: kosmo mcp:list",
    "mcp:schema": f"Use: {_MCP_LUA} 'return mcp.schema(\"SERVER.TOOL\")'",
    "mcp:status": "Use: kosmo mcp:list",
    "mcp:tools": "Use: kosmo mcp:list",
    "mcp:untrust": "Use: kosmo mcp:trust --remove SERVER",
}

# By the command and the option.
OPTIONS = {
    "archive --format": "Use: kosmo archive FILE -o DIR, which writes CSV",
    "accounts:add --stdin": "Use: kosmo accounts:add ALIAS -",
    "call --force": "Functions only read, so that there is nothing to force.",
    "call --arg": "Use: kosmo call FUNCTION NAME=VALUE",
    "check --accept-all": "Write each exception into the file of --accept: `kosmo docs checks` shows one.",
    "demo:serve --records": _SERVICES,
    "demo:serve --service": _SERVICES,
    "docs --format": "Use --json for data. In a pipe, a page is its Markdown.",
    "docs --html": "Use: kosmo docs PAGE",
    **dict.fromkeys((f"{name} --excel-safe" for name in ("lua", "mcp:lua", "call", "inventory")), _SAFE),
    **dict.fromkeys(
        (f"{name} --resume-within" for name in ("lua", "run", "check", "snapshot", "inventory")),
        "Responses are taken for a day. After that, record anew without --resume.",
    ),
    "mcp:list --all": "Use: kosmo mcp:list",
    **dict.fromkeys(
        (f"mcp:lua {option}" for option in ("--record", "--replay", "--resume", "--resume-within")),
        "Answers of MCP servers are not recorded.",
    ),
    "inventory --snapshot": "Use: --from FILE",
    **dict.fromkeys(("lua --replay", "run --replay"), "Use: --from FILE"),
    "lua --repl": "Use: jupyter console --kernel kosmo-lua",
    "mcp:serve --tasks": "A call that takes long is answered, and goes on: `kosmo docs serving-agents`.",
    "mcp:serve --tools": "Lua reaches every function: `kosmo docs serving-agents`.",
}

# By the value of --format, or the suffix of a file of --output, where it is none that there is.
_REPORTS = "Use: --format junit or json"
FORMATS = {
    "jsonl": "Use: --format json",
    "markdown": _REPORTS,
    "parquet": "Use: --format csv",
    "sarif": _REPORTS,
    ".md": "Name a file .xml (JUnit), .json, or .txt (the table)",
    ".sarif": "Name a file .xml (JUnit) or .json",
}
