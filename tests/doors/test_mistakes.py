"""Test that a mistake in a script is told in the same words at every door, and does not look like a result."""

from __future__ import annotations

import pytest
from doors import Door

DYNO = "local dyno = heroku.list_dynos('my-app')[1]\n"
ERRORS = {
    "return dyno.stat == 'crashed'": ("UnknownFieldError", 'dynos have no field "stat". Did you mean "state"'),
    "return dyno.app.nam": ("UnknownFieldError", 'dynos have no field "app.nam". Did you mean "app.name"?'),
    "return list.filter({ dyno }, function(one) return one.staet == 'up' end)": ("UnknownFieldError", '"state"'),
    "return len({ dyno })": ("LuaRuntimeError", "Write: return #{ dyno }"),
    "for one in heroku.list_apps() do end": (
        "LuaRuntimeError",
        "Write: for _, one in ipairs(heroku.list_apps()) do end",
    ),
    "if dyno.state != 'up' then end": ("LuaSyntaxError", "Write: if dyno.state ~= 'up' then end"),
    "for one in apps:": ("LuaSyntaxError", "Write: for _, one in ipairs(apps) do"),
    "for _, name in ipairs(dyno) do end": ("LuaRuntimeError", "this is one record"),
    "return heroku.get_app({ app_id = app })": ("LuaRuntimeError", "app_id is `app`, which holds functions"),
    "return heroku.get_app()": ("InvalidArgumentsError", 'Write heroku.get_app({ app_id = "my-app" })'),
    "return heroku.restart_dynos('my-app')": ("UnknownNameError", "A person can run: heroku ps:restart -a APP"),
}
WARNINGS = {
    "return dyno.state == crashed": "`crashed` is a variable that nothing sets",
    "return dyno.state == 'crashd'": 'Did you mean "crashed"?',
    "return dyno.release.version == '43'": "Write `.release.version == 43`.",
    "local list_of = { dyno } return list_of[0] ~= nil": "`list_of[0]` is nil in a list",
}


@pytest.mark.parametrize("cell", ERRORS)
def test_a_mistake_ends_the_run_with_what_to_write(door: Door, cell: str) -> None:
    done = door.run(DYNO + cell)
    kind, advice = ERRORS[cell]
    assert (done.error, done.shown) == (kind, "")
    assert done.line in (2, 3)  # where the text ends, for what is unfinished
    assert advice in " ".join(done.report.split())


@pytest.mark.parametrize("cell", WARNINGS)
def test_what_lua_takes_in_silence_is_noted_beside_the_result(door: Door, cell: str) -> None:
    done = door.run(DYNO + cell)
    (note,) = done.notes
    assert (done.shown.lower(), done.error) == ("false\n", "")
    assert note.startswith(f"line {3 if door.name == 'magic' else 2}: ")  # the magic is a line of its cell
    assert WARNINGS[cell] in note
