"""Test that memory does not grow with the number of answers of a session that only counts them."""

from __future__ import annotations

import psutil
import pytest

from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.demo.http import UNLIMITED
from kosmo_kernel.session import Session

APPS = "heroku = app.integrations.heroku apps = heroku.list_apps() return #apps"
LISTS = """return #heroku.list_dynos({ app_id = apps }) + #heroku.list_collaborators({ app_id = apps })
+ #heroku.list_domains({ app_id = apps })"""
LOOP = "local n = 0 for _, one in ipairs(apps) do n = n + #heroku.list_dynos(one.name) end return n"


def memory() -> list[int]:
    """Return the bytes of this process and of the Lua process."""
    own = psutil.Process()
    return [own.memory_info().rss, sum(child.memory_info().rss for child in own.children())]


@pytest.mark.full
@pytest.mark.parametrize("script", [LISTS, LOOP], ids=["lists", "loop"])
def test_a_session_that_counts_again_and_again_takes_no_more_memory(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
    with serve(DemoApi(company(1_000), refill=UNLIMITED)) as served, Session(cpu_limit=600) as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        session.run(APPS)
        counts = [session.run(script).value for _ in range(2)]
        warm = memory()
        counts += [session.run(script).value for _ in range(4)]

        assert len(set(counts)) == 1
        assert all(now <= 1.15 * before for now, before in zip(memory(), warm, strict=True))
