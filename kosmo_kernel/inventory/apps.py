"""The tables of apps, of their processes and the sizes of these, and of the names of config vars."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kosmo_kernel.inventory.bill import BillLine, Prices, bill_of, dollars, is_eco, total
from kosmo_kernel.inventory.reach import Access, accesses
from kosmo_kernel.inventory.records import Row, at
from kosmo_kernel.inventory.source import AccountData

APP_COLUMNS = (
    *("name", "team", "owner", "space", "region", "stack", "generation", "buildpack", "pipeline", "stage"),
    *("process_types", "dynos", "addons", "custom_domains", "config_vars", "people", "seats"),
    *("monthly_usd_dynos", "monthly_usd_addons", "monthly_usd", "unknown_prices"),
    *("maintenance", "acm", "review_app", "created_at", "released_at", "web_url", "git_url", "id"),
)
PROCESS_COLUMNS = (
    "app",
    "process",
    "quantity",
    "scaled_to_zero",
    "size",
    "command",
    "usd_per_dyno",
    "monthly_usd",
    "id",
)
SIZE_COLUMNS = (
    *("size", "memory_gb", "compute", "dedicated", "private_space_only", "generation", "process_types", "dynos"),
    *("usd_per_dyno", "monthly_usd"),
)
CONFIG_VAR_COLUMNS = ("app", "name", "from_addon", "fingerprint")


def app_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each app."""
    lines: defaultdict[tuple[str | None, str], list[BillLine]] = defaultdict(list)
    for line in bill_of(data).lines:
        lines[line.app, line.kind].append(line)
    processes, addons, domains = data.by_app("formation"), data.by_app("account_addons"), data.by_app("domains")
    config_vars, seats = data.by_app("config_vars"), data.by_app("collaborators")
    reached = defaultdict[str, list[Access]](list)
    for access in accesses(data):
        reached[access.app].append(access)
    knows_admins = data.is_whole("team_members")
    for app in data.rows("apps"):
        name = app["name"]
        running, owned, hosts = processes.get(name), addons.get(name), domains.get(name)
        dynos = _sum(lines[name, "dynos"]) if running is not None else None
        extras = _sum(lines[name, "add-on"]) if owned is not None else None
        pipeline, stage = data.stages.get(name, (None, None))
        yield {
            "name": name,
            "team": at(app, "team.name"),
            "owner": at(app, "owner.email"),
            "space": at(app, "space.name"),
            "region": at(app, "region.name"),
            "stack": at(app, "stack.name"),
            "generation": at(app, "generation.name"),
            "buildpack": app.get("buildpack_provided_description"),
            "pipeline": pipeline,
            "stage": stage,
            "process_types": _count(running),
            "dynos": None if running is None else sum(row["quantity"] for row in running),
            "addons": _count(owned),
            "custom_domains": None if hosts is None else sum(row["kind"] == "custom" for row in hosts),
            "config_vars": _count(config_vars.get(name)),
            "people": len(reached[name]) if seats.get(name) is not None and knows_admins else None,
            "seats": None if seats.get(name) is None else sum(one.seat for one in reached[name]),
            "monthly_usd_dynos": dollars(dynos[0]) if dynos else None,
            "monthly_usd_addons": dollars(extras[0]) if extras else None,
            "monthly_usd": dollars(dynos[0] + extras[0]) if dynos and extras else None,
            "unknown_prices": dynos[1] + extras[1] if dynos and extras else None,
            "maintenance": app.get("maintenance"),
            "acm": app.get("acm"),
            "review_app": name in data.review_apps,
            "created_at": app.get("created_at"),
            "released_at": app.get("released_at"),
            "web_url": app.get("web_url"),
            "git_url": app.get("git_url"),
            "id": app["id"],
        }


def process_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each process type of each app."""
    prices = Prices(data.rows("dyno_sizes"))
    for row in data.rows("formation"):
        yield {
            "app": data.app_name(row),
            "process": row["type"],
            "quantity": row["quantity"],
            "scaled_to_zero": row["quantity"] == 0,
            "size": row["size"],
            "command": row.get("command"),
            "usd_per_dyno": dollars(prices.of_size(row["size"])),
            "monthly_usd": dollars(0 if is_eco(row["size"]) else prices.of_dynos(row["size"], row["quantity"])),
            "id": row.get("id"),
        }


def size_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for each dyno size in use, the most expensive first."""
    prices = Prices(data.rows("dyno_sizes"))
    facts = {row["name"].lower(): row for row in data.rows("dyno_sizes")}
    types, dynos = Counter[str](), Counter[str]()
    for row in data.rows("formation"):
        types[row["size"]] += 1
        dynos[row["size"]] += row["quantity"]
    cost = {size: prices.of_dynos(size, dynos[size]) for size in types}
    for size in sorted(types, key=lambda size: (-(cost[size] or 0), size)):
        known = facts.get(size.lower())
        yield {
            "size": size,
            "memory_gb": at(known, "memory"),
            "compute": at(known, "compute"),
            "dedicated": at(known, "dedicated"),
            "private_space_only": at(known, "private_space_only"),
            "generation": at(known, "generation.name"),
            "process_types": types[size],
            "dynos": dynos[size],
            "usd_per_dyno": dollars(prices.of_size(size)),
            "monthly_usd": dollars(cost[size]),
        }


def config_var_rows(data: AccountData) -> Iterator[dict[str, Any]]:
    """Yield a row for the name of each config var, with the add-on that sets it."""
    sources = _addons_by_config_var(data)
    for row in data.rows("config_vars"):
        app = data.app_name(row)
        yield {
            "app": app,
            "name": row["name"],
            "from_addon": sources.get((app, row["name"])),
            "fingerprint": row.get("fingerprint"),
        }


def _addons_by_config_var(data: AccountData) -> Mapping[tuple[str, str], str]:
    """Return the add-on that sets a config var, by app and name.

    Heroku lists the names that an add-on sets on its own app. On another app the names begin with the attachment's.
    """
    sources = {
        (data.app_name(row), name): row["name"]
        for row in data.rows("account_addons")
        for name in row.get("config_vars") or ()
    }
    for row in data.rows("addon_attachments"):
        sources.setdefault((data.app_name(row), f"{row['name']}_URL"), row["addon"]["name"])
    return sources


def _count(rows: Sequence[Row] | None) -> int | None:
    return None if rows is None else len(rows)


def _sum(lines: Sequence[BillLine]) -> tuple[int, int]:
    """Return the sum of the known prices, and the number of the others."""
    return total(lines), sum(line.cents is None for line in lines)
