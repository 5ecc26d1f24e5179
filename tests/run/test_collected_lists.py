"""A list without a list argument that was refused is empty where failures are collected, and an error elsewhere."""

from __future__ import annotations

import pytest
from refusing_api import without

from kosmo_kernel.demo.api import DEMO_TOKEN
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import RefusedError
from kosmo_kernel.run.options import RunOptions
from kosmo_kernel.session import Session

COLLECTED = 'return heroku.list_spaces({ errors = "collect" })'


def test_a_refused_list_is_empty_and_its_failure_is_the_second_value(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(without("/spaces")) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        result = session.run(COLLECTED)
        with pytest.raises(RefusedError):
            session.run("return heroku.list_spaces()")
    rows, failures = result.values

    assert list(rows) == []
    assert [(one["type"], one["status"], one["id"]) for one in failures] == [("refused", 403, "forbidden")]
    assert [call.status for call in result.calls] == ["ok"]
    assert result.unread == [f"list_spaces could not be read: {failures[0]['message']}"]


def test_a_list_that_could_be_read_has_no_failures_and_a_dry_run_has_both_values() -> None:
    with Session("demo") as session:
        rows, failures = session.run(COLLECTED).values
        planned = session.execute(COLLECTED.replace("return ", "return #"), RunOptions(dry_run=True)).planned
        assert list(rows) == list(session.run("return heroku.list_spaces()").value)
    assert (len(rows) > 0, list(failures), len(planned)) == (True, [], 1)
