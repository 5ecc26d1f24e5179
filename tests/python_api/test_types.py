"""The types of functions and tables. `mypy` checks this file, so each comment that ignores is needed."""

from __future__ import annotations

from typing import assert_type

import pytest
from python_shell import no_notebooks

from kosmo_kernel import heroku
from kosmo_kernel.errors import InvalidArgumentsError, UnknownNameError
from kosmo_kernel.render.frames import KosmoFrame
from kosmo_kernel.render.tables import RecordView


def test_type_checkers_know_what_functions_and_tables_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_DEMO", "1")
    with no_notebooks():
        dynos = assert_type(heroku.list_dynos(app_id="my-app"), KosmoFrame)
        app = assert_type(heroku.get_app(app_id="my-app"), RecordView)
        apps = assert_type(heroku.get_app(app_id=["my-app", "courier-app"]), KosmoFrame)
        rows, failures = assert_type(
            heroku.list_dynos(app_id=["my-app", "none"], errors="collect"), tuple[KosmoFrame, KosmoFrame]
        )
        table = assert_type(heroku.tables.dyno_sizes(), KosmoFrame)
        deadlines, unread = assert_type(heroku.tables.deadlines(errors="collect"), tuple[KosmoFrame, KosmoFrame])
    frames = dynos, apps, rows, failures, table, deadlines, unread
    assert {*map(type, frames), type(app)} == {KosmoFrame, RecordView}


def test_type_checkers_know_which_functions_tables_and_arguments_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOSMO_DEMO", "1")
    with no_notebooks():
        with pytest.raises(UnknownNameError):
            heroku.tables.deadline()  # type: ignore[attr-defined]
        with pytest.raises(UnknownNameError):
            heroku.list_dyno(app_id="my-app")  # type: ignore[operator] # it may be the name of an account
        with pytest.raises(InvalidArgumentsError):
            heroku.list_dynos(app="my-app")  # type: ignore[call-overload]
        with pytest.raises(InvalidArgumentsError):
            heroku.list_dynos(app_id=3)  # type: ignore[call-overload]
