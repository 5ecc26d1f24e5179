"""The bill: equal, to the cent, to a sum worked out another way from the records of the look-alike."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from fractions import Fraction
from wsgiref.types import WSGIApplication

import pytest
from altered_api import answering, as_default_account, without
from inventories import with_gap

from kosmo_kernel.checks.inventory import Bill, Inventory, from_account
from kosmo_kernel.checks.run import run_questions
from kosmo_kernel.integrations.heroku.demo import account_records, offers
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import Company, company
from kosmo_kernel.integrations.heroku.demo.record_maker import Maker
from kosmo_kernel.questions.discovery import find_check, find_table
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
def test_the_bill_is_the_sum_of_the_records_to_the_cent(seed: int | None) -> None:
    whole = company() if seed is None else company(60, seed)
    with as_default_account(DemoApi(whole, capacity=10**9)), Session() as session:
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


def test_what_idles_is_named_with_the_reason(demo: Inventory) -> None:
    idle = {(line["app"], line["name"]): line["idle"] for line in demo.bill.idle}

    assert idle["customs-forms", "web"] == "no release since 2024-12-11"
    assert idle["holiday-labels", "postgresql-parallel-99120"] == "no process runs"
    assert ("my-app", "web") not in idle


def test_the_days_after_which_dynos_count_as_idle_can_be_set(session: Session) -> None:
    usual, strict = (
        session.run(f"return heroku.tables.costs({arguments})").value.rows for arguments in ("", "{ idle_days = 1 }")
    )
    assert len(Bill(strict).idle) > len(Bill(usual).idle) > 0


def costs(api: WSGIApplication) -> Bill:
    """Return the bill of an account that an API serves, as far as it can be read."""
    with as_default_account(api), Session() as session:
        [result] = run_questions([find_table("heroku", "costs")], session=session).results
    assert result.records is not None
    return Bill(result.records.rows)


def company_with(addon: str, *apps: str) -> Company:
    """Return the demo company, in which further apps use an add-on."""
    whole = company()
    [shared] = [one for one in whole.addons if one["name"] == addon]
    users = [app for app in whole.apps if app["name"] in apps]
    whole.addon_attachments += [{"name": "OTHER", "addon": shared, "app": app, "id": f"x-{app['id']}"} for app in users]
    return whole


def test_an_add_on_of_an_app_at_rest_is_not_idle_while_another_app_uses_it() -> None:
    name = "postgresql-parallel-99120"
    alone, attached = (costs(DemoApi(whole)) for whole in (company(), company_with(name, "my-app")))

    assert name in {line["name"] for line in alone.idle}
    assert name not in {line["name"] for line in attached.idle}


def test_the_processes_of_an_app_that_could_not_be_read_do_not_make_its_add_ons_idle(demo: Inventory) -> None:
    unread = costs(without("/holiday-labels/formation"))

    assert "holiday-labels" in {line["app"] for line in demo.bill.idle}
    assert "holiday-labels" not in {line["app"] for line in unread.idle}


def test_an_add_on_is_not_called_idle_while_nobody_knows_which_apps_use_it(demo: Inventory) -> None:
    assert {line["kind"] for line in demo.bill.idle} == {"add-on", "dyno"}
    assert {line["kind"] for line in costs(without("/addon-attachments")).idle} == {"dyno"}


def test_eco_dynos_share_one_price_and_unknown_sizes_have_none() -> None:
    process = {"type": "web", "app": {"name": "my-app"}}
    api = answering(
        "/my-app/formation",
        process | {"size": "Eco", "quantity": 3},
        process | {"size": "eco", "quantity": 2},
        process | {"size": "Eco", "quantity": 0},
        process | {"size": "Enormous", "quantity": 2},
    )
    lines = [line for line in costs(api).lines if line["app"] == "my-app" and line["kind"] == "dyno"]
    [eco] = [line for line in costs(api).lines if line["kind"] == "eco"]

    assert [(line["plan"], line["monthly_usd"], line["price"]) for line in lines] == [("Enormous", None, "not listed")]
    assert (eco["monthly_usd"], eco["quantity"] >= 5) == (5, True)


def test_a_bill_without_its_lists_says_that_it_is_not_complete(demo: Inventory) -> None:
    assert demo.bill.complete
    assert not with_gap(demo, "dyno_sizes").bill.complete
    assert {line["price"] for line in costs(without("/dyno-sizes")).lines if line["kind"] == "dyno"} == {"not read"}
