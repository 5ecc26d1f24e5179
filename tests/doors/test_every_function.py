"""Each function that needs no argument answers on the demo account, in Lua as in a call without Lua."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kosmo_kernel.catalogue import Function
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.session import Session


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session("demo") as made:
        yield made


@pytest.mark.parametrize("function", [one for one in HEROKU.functions if not one.simplest_call], ids=lambda f: f.name)
def test_lua_and_a_call_have_the_same_records_with_the_columns_of_the_facts(
    session: Session, function: Function
) -> None:
    in_lua = session.run(f"return app.integrations.heroku.{function.name}()").value
    called = session.call(f"heroku.{function.name}", {}).value
    records = [dict(one) for one in in_lua] if function.returns == "list" else [dict(in_lua)]
    assert records == ([dict(one) for one in called] if function.returns == "list" else [dict(called)])
    assert records
    assert {key for record in records for key in record} <= {column.path[0] for column in function.columns}
