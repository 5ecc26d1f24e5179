"""A dry run counts the requests for each item of a list as far as the session knows the list."""

from __future__ import annotations

from kosmo_kernel.run.options import RunOptions
from kosmo_kernel.session import Session

CODE = "return heroku.list_dynos({ app_id = heroku.list_apps() })"


def test_a_list_that_the_session_has_listed_before_is_counted() -> None:
    with Session("demo") as session:
        unknown = session.execute(CODE, RunOptions(dry_run=True)).planned
        apps = session.run("return #heroku.list_apps()").value
        known = session.execute(CODE, RunOptions(dry_run=True)).planned
    assert [(one.each, one.requests) for one in unknown] == [("", 1), ("app_id", None)]
    assert [(one.each, one.requests) for one in known] == [("", 1), ("app_id", apps)]
    assert known[1].arguments == {"app_id": f"each of {apps}"}
    assert known[1].url.endswith("/apps/{app_id}/dynos")
