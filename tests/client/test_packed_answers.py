"""Test that the answers for the items of a list are kept as JSON until somebody reads one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kosmo_kernel.run import services
from kosmo_kernel.session import Session
from kosmo_kernel.values.packed_rows import PackedRows
from kosmo_kernel.values.records import Records

COUNT = "heroku = app.integrations.heroku dynos = heroku.list_dynos({ app_id = heroku.list_apps() }) return #dynos"


def test_records_that_a_script_only_counts_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []

    class Noted(PackedRows):
        __slots__ = ()

        def decoded(self) -> list[dict[str, Any]]:
            if self._rows is None:
                decoded.append(len(self))
            return super().decoded()

    monkeypatch.setattr(services, "PackedRows", Noted)
    monkeypatch.setattr("kosmo_kernel.lua.values.MAX_RECORDS_SENT_WHOLE", 5)
    with Session("demo") as session:
        count = session.run(COUNT).value
        assert (count > 5, decoded) == (True, [])

        names = session.run("return list.map(dynos, 'app_id')").value
        assert (len(names), decoded) == (count, [count])

        rows = session.run("return dynos").value
        assert next(iter(rows[0])) == "app_id"
        assert rows.json is None


def test_packed_rows_are_the_records_with_their_item_first() -> None:
    packed = PackedRows()
    packed.add({"app_id": "one"}, PackedRows.of([{"id": 1, "app_id": "other"}, {"id": 2}]))
    packed.add({"app_id": "none"}, PackedRows.of([]))
    packed.add({"app_id": "two"}, PackedRows.of([{"id": 3, "note": "\N{SNOWMAN}"}]))
    records = Records(packed)

    assert len(records) == 3
    assert records == [
        {"app_id": "one", "id": 1},
        {"app_id": "one", "id": 2},
        {"app_id": "two", "id": 3, "note": "\N{SNOWMAN}"},
    ]
    assert list(records[0]) == ["app_id", "id"]
    assert records[0] is records.rows[0]


def test_packed_records_that_another_thread_decodes_meanwhile_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = PackedRows()
    packed.add({"app_id": "one"}, PackedRows.of([{"id": 1}]))
    records = Records(packed)

    @contextmanager
    def switched() -> Iterator[None]:
        monkeypatch.undo()
        assert len(records.rows) == 1
        yield

    monkeypatch.setattr("kosmo_kernel.values.packed_rows.collector_paused", switched)

    assert records.rows == [{"app_id": "one", "id": 1}]
