"""Scripts of people who know other languages: each is an error or has a warning, and Lua parses what they advise."""

from __future__ import annotations

import re
from pathlib import Path

from kosmo_kernel.errors import KosmoError
from kosmo_kernel.session import Session

SCRIPTS = Path(__file__).with_name("misuse.txt").read_text("utf-8").removesuffix("\n").split("\n---\n")
DEMO = "Fictional data of the demo"
# Those whose value says what it is.
RIGHT = (
    *("return nil", 'return string.format("%s", {})'),
    *(
        "return tostring(heroku.list_apps())",
        "return pairs(heroku.list_apps())",
        "return heroku.list_dynos({app_id = {}})",
    ),
    *('return heroku.list_releases("my-app", 5)', 'return #heroku.list_apps() .. " apps"', "return docs.search()"),
    *(
        'return "apps: " .. #heroku.list_apps() + 1',
        'return list.filter(heroku.list_apps(), { region = { name = "eu" } })',
    ),
)


def answers() -> dict[str, list[str]]:
    """Return the message of each script that fails, or its warnings."""
    told = {}
    with Session("demo") as session:
        for script in SCRIPTS:
            try:
                told[script] = [note for note in session.run(script).notes if not note.startswith(DEMO)]
            except KosmoError as error:
                told[script] = [error.message]
        for messages in told.values():
            for advised in re.split(r"\bWrite:? ", "\n".join(messages))[1:]:
                code = re.sub(r"\. [A-Z`].*$", "", advised, flags=re.DOTALL).strip("`. ")
                assert session.completeness(code)[0] != "invalid", messages
    return told


def test_no_misuse_is_silent_and_lua_parses_all_advice() -> None:
    told = answers()
    assert len(told) > 171
    assert sorted(script for script in told if not told[script]) == sorted(RIGHT)
