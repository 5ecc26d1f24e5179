"""Settings that were removed, each with what to do instead.

One that is still set is no error: it sets nothing, the rest of the file is read as before, and each process says so
once (`config_file.take_notices`). So it is with folders.
"""

from __future__ import annotations

from kosmo_kernel.settings.table import ANY, Keys

_OPTION = "Use the option of `kosmo lua`, `check` or `run`:"
_OUTAGE = "A request is retried four times; a recorded run then goes on with `--resume`."
VARIABLES = {  # without `KOSMO_`
    "CALL_LOG": "`kosmo lua --json` has the calls and the requests of a run.",
    "CONNECT_TIMEOUT": "A connection has 10 seconds, or as long as KOSMO_READ_TIMEOUT if that is shorter.",
    "HISTORY": "The Lua kernel keeps its history of inputs in memory, until it ends.",
    "OUTAGE_TIMEOUT": _OUTAGE,
    "RECORD": f"{_OPTION} `--record FILE`.",
    "RECORD_RUN": "A recording has the answers of one process. Give each process a file of its own.",
    "REPLAY": "Use the option of `kosmo lua` or `run`: `--from FILE`.",
    "RESPONSE_RECORDS": "KOSMO_RESPONSE_LIMIT limits the responses of a run, in bytes.",
    "RESUME": f"{_OPTION} `--record FILE --resume`.",
    "RESUME_WITHIN": "`--resume` takes responses for a day.",
    "SHARE_SECONDS": "Tables use answers of the last ten minutes; the option `--fresh` of a cell asks again.",
}
KEYS: dict[Keys, str] = {  # of `config.toml`
    ("limits", "outage_timeout"): _OUTAGE,
    ("limits", "response_records"): "`responses` limits the responses of a run, in bytes.",
    ("recording",): "Recording is an option of a command: `--record FILE`, with `--resume` to go on with it.",
    ("integrations", ANY, "open_fields"): "Only Heroku's functions are left, whose fields are known.",
    ("integrations", ANY, "pages"): "Only Heroku's functions are left, whose lists are followed to their end.",
    ("integrations", ANY, "permissions"): "Functions only read, and the scope of a token decides what it can read.",
    ("integrations", ANY, "accounts"): "Functions only read, and the scope of a token decides what it can read.",
    ("mcp",): "Tools that only read need no consent; the others are asked about, or called with `--force`.",
}
FOLDERS = {  # below that of `config.toml`
    "services": "Services are no longer made from API documents. Their tokens stay where `accounts:add` kept them: "
    "revoke them where they were made, and run `kosmo accounts:remove ALIAS --integration NAME`. Then "
    "delete this folder.",
}
