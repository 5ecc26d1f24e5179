"""Apps for a company of any size, drawn from a seed.

Each app has a random stream of its own, named after the seed and the app's position: an app and its
things come out the same however many apps there are and in whatever order they are asked for. One
exception is an add-on that is borrowed from the app before.

Chance alone leaves small companies without some of what audits look for. So each of `_SURE` befalls one of the
apps from the second to the ninth, which one the seed says; every company of ten apps or more has them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from kosmo_kernel.demo.models import AddOn, App, AppResources, Collaborator, Domain, Dyno, Person, Process
from kosmo_kernel.demo.people import AUDIT, INES, JUNO, LENA, MEI, NOW, OSKAR, PRIYA, ROBOT, RUI, SAMUEL, TEAM, TOM

_PLACES = ("north", "south", "east", "west", "city", "coast", "harbour", "valley", "border", "island", "airport")
_TRADES = ("labels", "routes", "depot", "couriers", "customs", "returns", "pricing", "tracking", "billing", "claims")
_STACKS = ("heroku-24",) * 13 + ("heroku-22",) * 5 + ("heroku-20",) * 2
_SIZES = ("Basic", "Basic", "Standard-1X", "Standard-1X", "Standard-1X", "Standard-2X", "Performance-M")
_PLANS = (
    ("postgresql", "heroku-postgresql:essential-0", "DATABASE_URL"),
    ("postgresql", "heroku-postgresql:standard-0", "DATABASE_URL"),
    ("postgresql", "heroku-postgresql:standard-2", "DATABASE_URL"),
)
_EXTRAS = (
    ("redis", "heroku-redis:mini", "REDIS_URL"),
    ("redis", "heroku-redis:premium-0", "REDIS_URL"),
    ("logbarn", "logbarn:sapling", "LOGBARN_TOKEN"),
    ("mailfinch", "mailfinch:flock", "MAILFINCH_KEY"),
)
_SURE = ("failing", "bare", "pending", "idle", "crashed", "mixed", "stuck", "old")
_SURE_PLANS = {"idle": _PLANS[1], "crashed": _PLANS[0], "stuck": _PLANS[1]}
_TROUBLES = (("failing", "CDN not returning HTTP challenge"), ("failed", "Failing CCA check"), ("pending", None))
_STAFF = (PRIYA, OSKAR, MEI, INES, SAMUEL)
_OUTSIDE = (LENA, RUI, TOM, AUDIT, ROBOT)

_NOW = datetime.fromisoformat(NOW)


def app(position: int, seed: int) -> App:
    """The app at a position, from 0; the first is `my-app`."""
    draw, sure = _stream(seed, position, "app"), _sure(seed, position)
    name = f"{draw.choice(_PLACES)}-{draw.choice(_TRADES)}-{position:04d}" if position else "my-app"
    owner: Person | str = TEAM if _chance(draw, 80) else draw.choice((JUNO, *_STAFF))
    stack = draw.choice(_STACKS)
    created, released = draw.uniform(400, 3000), draw.uniform(0, 390)
    never = _chance(draw, 3) and not sure
    if sure == "old":
        stack, released = "heroku-20", max(released, 200)
    elif sure == "crashed":
        released = max(released, 3)  # its console is open since then, at the longest
    return App(
        name,
        JUNO if not position else owner,
        None if never else draw.choice(("Ruby", "Node.js", "Python", "Go", "Java", "PHP")),
        stack,
        draw.choice(("us", "us", "eu")),
        _ago(created),
        None if never else _ago(released),
        slug=None if never else draw.randrange(10_000_000, 200_000_000),
        repo=None if never else draw.randrange(100_000, 20_000_000),
        build_stack="heroku-24" if _chance(draw, 10) else stack,
        acm=(_chance(draw, 85) or sure in ("failing", "pending")) and sure != "bare",
        maintenance=_chance(draw, 2) or sure == "stuck",
        web=_chance(draw, 95) or bool(sure),
        release=draw.randrange(2, 900),
    )


def things(apps: Sequence[App], position: int, seed: int) -> AppResources:
    """What belongs to the app at a position of `apps`."""
    one = apps[position]
    draw, sure = _stream(seed, position, "things"), _sure(seed, position)
    owned = _addons(one, position, seed)
    borrows = position and (_chance(draw, 10) or _sure(seed, position - 1) == "idle")
    before = _addons(apps[position - 1], position - 1, seed) if borrows else []
    dynos = _dynos(one, draw, sure)
    kind = "web" if one.web else "worker"
    idle = not dynos and one.released is not None
    return AppResources(
        dynos=dynos,
        addons=owned,
        uses=[(apps[position - 1], addon) for addon in before[:1]],
        domains=_domains(one, draw, sure),
        people=_people(one, draw, sure),
        at_rest=[Process(kind, "Standard-1X", f"bin/{kind}")] if idle else (),
    )


def _stream(seed: int, position: int, what: str) -> Random:
    return Random(f"{seed}/{position}/{what}")


def _sure(seed: int, position: int) -> str:
    """Return which of `_SURE` befalls the app at a position; empty for most."""
    if not 1 <= position <= len(_SURE):
        return ""
    draw = Random(f"{seed}/sure")
    return draw.sample(_SURE, len(_SURE))[position - 1]


def _chance(draw: Random, percent: int) -> bool:
    return draw.randrange(100) < percent


def _ago(days: float) -> str:
    return (_NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _dynos(one: App, draw: Random, sure: str) -> list[Dyno]:
    none = _chance(draw, 6) and sure not in ("crashed", "mixed")
    if one.released is None or none or sure == "idle":
        return []
    size = draw.choice(_SIZES)
    names = [f"web.{n + 1}" for n in range(draw.choice((1, 1, 2, 3)))] if one.web else []
    names += [f"worker.{n + 1}" for n in range(draw.choice((0, 0, 1, 2) if names else (1, 2)))]
    if sure == "mixed" and len(names) == 1:
        names.append("worker.1")
    dynos = [
        Dyno(
            name,
            size,
            f"bin/{name.split('.')[0]}",
            max(_ago(draw.uniform(0, 1)), one.released),
            state="crashed" if _chance(draw, 4) else "up",
            release=one.release - 1 if _chance(draw, 2) else None,
        )
        for name in names
    ]
    if sure == "mixed":
        dynos[:2] = [replace(dynos[0], release=one.release - 1), replace(dynos[1], release=None)]
    elif sure == "crashed":
        dynos[0] = replace(dynos[0], size="Basic", state="crashed")
    if _chance(draw, 4) or sure == "crashed":
        days = draw.uniform(2, 3) if sure else draw.uniform(0, 20)
        name, since = f"run.{draw.randrange(1000, 9999)}", max(_ago(days), one.released)
        dynos.append(Dyno(name, "standard-1X", "bash", since))
    return dynos


def _addons(one: App, position: int, seed: int) -> list[AddOn]:
    draw, sure = _stream(seed, position, "add-ons"), _sure(seed, position)
    chosen = [draw.choice(_PLANS)] if _chance(draw, 70) else []
    chosen = [_SURE_PLANS[sure]] if sure in _SURE_PLANS else chosen
    chosen += [extra for extra in _EXTRAS if _chance(draw, 25)]
    made: dict[str, AddOn] = {}
    for n, (service, plan, variable) in enumerate(chosen):
        # The position in the name keeps it unique: no service occurs twice in one app but with another digit.
        name = f"{service}-{one.name.split('-')[0]}-{position * 10 + n:05d}"
        free = f"HEROKU_{service.upper()}_AMBER_URL" if variable in made else variable
        made[free] = AddOn(name, plan, (free,), one.created)
    addons = list(made.values())
    late = _stream(seed, position, "stuck")
    if addons and (sure == "stuck" or (not sure and _chance(late, 2))):
        # Being made for hours: what takes minutes.
        addons[-1] = replace(addons[-1], config_vars=(), created=_ago(late.uniform(0.1, 3)), state="provisioning")
    return addons


def _domains(one: App, draw: Random, sure: str) -> list[Domain]:
    none = _chance(draw, 50) and sure not in ("failing", "bare", "pending")
    if not one.web or none:
        return []
    hosts = [f"{one.name}.larkmoor.example", f"www.{one.name}.larkmoor.example"][: draw.choice((1, 1, 2))]
    if not one.acm:
        return [Domain(host, one.created, None, certificate=False) for host in hosts]
    acm, reason = draw.choice(_TROUBLES) if _chance(draw, 8) else ("cert issued", None)
    acm, reason = next((trouble for trouble in _TROUBLES if trouble[0] == sure), (acm, reason))
    status = "pending" if acm == "pending" else "succeeded"
    return [Domain(host, one.created, acm, reason, status=status, certificate=acm != "pending") for host in hosts]


def _people(one: App, draw: Random, sure: str) -> list[Collaborator]:
    owner = one.owning
    staff = [person for person in draw.sample(_STAFF, draw.choice((1, 2, 3))) if person != owner]
    if sure == "old" and SAMUEL not in (owner, *staff):
        staff.append(SAMUEL)
    seats = [Collaborator(owner, one.created, "owner", ()), *(Collaborator(person, one.created) for person in staff)]
    if not one.team and owner != JUNO:
        seats.append(Collaborator(JUNO, one.created))
    if _chance(draw, 15) or sure == "old":
        seats.append(Collaborator(draw.choice(_OUTSIDE), one.created, None, ("view", "deploy")))
    return seats
