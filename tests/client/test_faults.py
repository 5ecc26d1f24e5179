"""An audit of three hundred apps through a network and a service in trouble: complete, or it says what is missing."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from typing import Any

import pytest
from fast_clock import FastClock

from kosmo_kernel.accounts import Account
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.demo.faults import KINDS, FaultInjector
from kosmo_kernel.demo.server import serve
from kosmo_kernel.errors import ApiError, BadAnswerError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi, faulty
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.progress.run import Progress

CALLS = [HEROKU.function(name) for name in ("list_dynos", "list_addons", "list_collaborators")]
Asked = tuple[str, str]


@cache
def many_apps() -> Company:
    return company(300)


def audit(client: Client, clock: FastClock) -> dict[Asked, str | ApiError]:
    """Three calls for each app, as JSON texts or errors."""
    apps: Any = client.fetch(HEROKU.function("list_apps"), {}, Progress(clock)).data

    def ask(name: str, call: Any) -> tuple[Asked, str | ApiError]:
        try:
            return (name, call.name), json.dumps(client.fetch(call, {"app_id": name}, Progress(clock)).data)
        except ApiError as error:
            return (name, call.name), error

    with ThreadPoolExecutor(16) as pool:
        return dict(pool.map(ask, [app["name"] for app in apps for _ in CALLS], CALLS * len(apps)))


@cache
def without_faults() -> dict[Asked, str | ApiError]:
    clock = FastClock()
    account = Account("heroku", "default", DEMO_TOKEN, "https://api.heroku.com", "HEROKU_API_KEY")
    return audit(Client(HEROKU, account, transport=in_process(DemoApi(many_apps())), clock=clock), clock)


RATES = [*({kind: 0.05} for kind in KINDS), dict.fromkeys(KINDS, 0.05)]


@pytest.mark.full
@pytest.mark.parametrize("rates", RATES, ids=", ".join)
def test_an_audit_in_bad_minutes_is_the_same_or_names_what_is_missing(rates: dict[str, float]) -> None:
    clock = FastClock()
    waited: list[float] = []
    faults = FaultInjector(rates, seed=4, wait=waited.append)
    # The bucket is filled by the clock that the test moves; a request that was lost costs one all the same.
    api = DemoApi(many_apps(), clock=clock.now, max_page=100)
    with serve(faulty(api, faults)) as served:
        account = Account("heroku", "default", DEMO_TOKEN, served.url, "HEROKU_API_KEY")
        rng = random.Random(1)
        with closing(Client(HEROKU, account, clock=clock, rng=rng)) as client:
            found = audit(client, clock)

    right = without_faults()
    failed = {asked: error for asked, error in found.items() if isinstance(error, ApiError)}
    assert list(found) == list(right)
    assert {asked: text for asked, text in found.items() if asked not in failed} == {
        asked: text for asked, text in right.items() if asked not in failed
    }
    assert faults.dealt.keys() == rates.keys()
    # A page of a proxy with the status of success is no passing trouble: it is told, with the app that it hides.
    assert (len(failed) > 0) == ("html" in rates)
    assert {type(error) for error in failed.values()} <= {BadAnswerError}
    assert all(f'app_id "{name}"' in str(error) for (name, _), error in failed.items())
