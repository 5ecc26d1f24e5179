"""The bill: equal, to the cent, to a sum worked out another way from the records of the look-alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.demo.server import serve
from kosmo_kernel.integrations.heroku.demo import account_records, offers
from kosmo_kernel.integrations.heroku.demo.api import DEMO_TOKEN, DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.integrations.heroku.demo.record_maker import Maker
from kosmo_kernel.inventory import Bill, from_account
from kosmo_kernel.inventory.source import AccountData
from kosmo_kernel.questions.discovery import find_check
from kosmo_kernel.session import Session

CENTS_A_DYNO_UNIT = 2500
TEN = [None, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(1, 11))]


def expected_cents(whole: Company) -> Counter[str]:
    """Return what a month costs by kind, from the records of a company: with Heroku's dyno units."""
    units = {one["name"]: Fraction(one["precise_dyno_units"]) for one in offers.dyno_sizes(maker(whole))}
    dynos: Counter[str] = Counter()
    for app in whole.apps:
        for process in whole.formation(app):
            dynos[process["dyno_size"]["name"]] += process["quantity"]
    eco = dynos.pop("Eco", 0)
    cents = Counter({"dyno": int(sum(count * units[size] for size, count in dynos.items()) * CENTS_A_DYNO_UNIT)})
    cents["eco"] = int(min(eco, 1) * units["Eco"] * CENTS_A_DYNO_UNIT)
    for addon in whole.addons:
        if addon["state"] != "deprovisioned" and (price := addon["billed_price"]):
            cents["add-on"] += price["cents"]
    return cents


def maker(whole: Company) -> Maker:
    return Maker(whole, lambda *_: (), timedelta(0))


@pytest.mark.parametrize("seed", TEN)
def test_the_bill_is_the_sum_of_the_records_to_the_cent(seed: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = company() if seed is None else company(60, seed)
    with serve(DemoApi(whole, capacity=10**9)) as served, Session() as session:
        monkeypatch.setenv("HEROKU_API_URL", served.url)
        monkeypatch.setenv("HEROKU_API_KEY", DEMO_TOKEN)
        bill = from_account(session).bill
        [result] = run_questions([find_check("total-bill")], parameters={"usd_a_month": -1}, session=session).results
    expected = expected_cents(whole)
    unpriced = [one["name"] for one in whole.addons if not one["billed_price"] or one["billed_price"]["contract"]]

    assert {part.name: part.cents for part in bill.by("kind") if part.cents} == +expected
    assert bill.cents == expected.total() > 0
    assert [finding.record["usd_a_month"] for finding in result.findings] == [bill.cents / 100]
    assert {sum(part.cents for part in bill.by(field)) for field in ("app", "team", "stage", "plan")} == {bill.cents}
    names = sorted(line["name"] for line in bill.unknown)
    assert names == sorted([*unpriced, *(one["name"] for one in account_records.spaces(maker(whole)))])
    assert bill.complete


def test_a_limit_above_the_bill_is_no_finding(session: Session) -> None:
    [result] = run_questions([find_check("total-bill")], session=session).results
    assert (result.findings, result.reason) == ([], "")


def test_what_idles_is_named_with_the_reason(demo: AccountData) -> None:
    idle = {(line["app"], line["name"]): line["idle"] for line in demo.bill.idle}

    assert idle["customs-forms", "web"] == "no release since 2024-12-11"
    assert idle["holiday-labels", "postgresql-parallel-99120"] == "no process runs"
    assert ("my-app", "web") not in idle


def test_the_days_after_which_dynos_count_as_idle_can_be_set(session: Session) -> None:
    usual, strict = (
        session.run(f"return heroku.tables.costs({arguments})").value.rows for arguments in ("", "{ idle_days = 1 }")
    )
    assert len(Bill(strict).idle) > len(Bill(usual).idle) > 0


def test_an_add_on_of_an_app_at_rest_is_not_idle_while_another_app_uses_it(demo: AccountData) -> None:
    addons = {row["name"]: row for row in demo.rows("account_addons")}
    shared = addons["postgresql-parallel-99120"]
    attachment = {"name": "OTHER", "addon": shared, "app": demo.apps["my-app"], "id": "x"}
    attached = {**demo.tables, "addon_attachments": [*demo.rows("addon_attachments"), attachment]}

    assert shared["name"] not in {line["name"] for line in replace(demo, tables=attached).bill.idle}


def test_the_processes_of_an_app_that_could_not_be_read_do_not_make_its_add_ons_idle(demo: AccountData) -> None:
    failure = {"table": "formation", "app_id": "holiday-labels", "status": 403, "message": "Refused."}
    unread = replace(demo, failures=[failure]).bill

    assert "holiday-labels" in {line["app"] for line in demo.bill.idle}
    assert (unread.complete, "holiday-labels" in {line["app"] for line in unread.idle}) == (False, False)


def test_eco_dynos_share_one_price_and_unknown_sizes_have_none(demo: AccountData) -> None:
    process = dict(demo.rows("formation")[0])
    rows = [
        process | {"size": "Eco", "quantity": 3},
        process | {"size": "eco", "quantity": 2},
        process | {"size": "Eco", "quantity": 0},
        process | {"size": "Enormous", "quantity": 2},
    ]
    bill = replace(demo, tables={**demo.tables, "formation": rows, "account_addons": [], "spaces": []}).bill

    assert [(line["plan"], line["monthly_usd"], line["price"]) for line in bill.lines] == [
        ("Eco", 5, "known"),
        ("Enormous", None, "not listed"),
    ]
    assert (bill.cents, [line["plan"] for line in bill.unknown]) == (500, ["Enormous"])


def test_a_bill_without_its_lists_says_that_it_is_not_complete(demo: AccountData) -> None:
    tables = {name: rows for name, rows in demo.tables.items() if name != "dyno_sizes"}
    bill = replace(demo, tables=tables).bill

    assert not bill.complete
    assert {line["price"] for line in bill.lines if line["kind"] == "dyno"} == {"not read"}
