"""Apps for a company of any size, drawn from a seed.

Each app has a random stream of its own, named after the seed and the app's position: an app and its
things come out the same however many apps there are and in whatever order they are asked for. One
exception is an add-on that is borrowed from the app before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from kosmo_kernel.demo.people import AUDIT, INES, JUNO, LENA, MEI, NOW, OSKAR, PRIYA, ROBOT, RUI, SAMUEL, TEAM, TOM
from kosmo_kernel.demo.shapes import AddOn, App, Domain, Dyno, Person, Process, Seat, Things

if TYPE_CHECKING:
    from collections.abc import Sequence

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
_TROUBLES = (("failing", "CDN not returning HTTP challenge"), ("failed", "Failing CCA check"), ("pending", None))
_STAFF = (PRIYA, OSKAR, MEI, INES, SAMUEL)
_OUTSIDE = (LENA, RUI, TOM, AUDIT, ROBOT)

_NOW = datetime.fromisoformat(NOW)


def app(position: int, seed: int) -> App:
    """The app at a position, from 0; the first is `my-app`."""
    draw = _stream(seed, position, "app")
    name = f"{draw.choice(_PLACES)}-{draw.choice(_TRADES)}-{position:04d}" if position else "my-app"
    owner: Person | str = TEAM if _chance(draw, 80) else draw.choice((JUNO, *_STAFF))
    stack = draw.choice(_STACKS)
    created, released = draw.uniform(400, 3000), draw.uniform(0, 390)
    never = _chance(draw, 3)
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
        acm=_chance(draw, 85),
        maintenance=_chance(draw, 2),
        web=_chance(draw, 95),
        release=draw.randrange(2, 900),
    )


def things(apps: Sequence[App], position: int, seed: int) -> Things:
    """What belongs to the app at a position of `apps`."""
    one = apps[position]
    draw = _stream(seed, position, "things")
    owned = _addons(one, position, seed)
    before = _addons(apps[position - 1], position - 1, seed) if position and _chance(draw, 10) else []
    dynos = _dynos(one, draw)
    kind = "web" if one.web else "worker"
    idle = not dynos and one.released is not None
    return Things(
        dynos=dynos,
        addons=owned,
        uses=[(apps[position - 1], addon) for addon in before[:1]],
        domains=_domains(one, draw),
        people=_people(one, draw),
        at_rest=[Process(kind, "Standard-1X", f"bin/{kind}")] if idle else (),
    )


def _stream(seed: int, position: int, what: str) -> Random:
    return Random(f"{seed}/{position}/{what}")  # noqa: S311 - invents apps, not keys


def _chance(draw: Random, percent: int) -> bool:
    return draw.randrange(100) < percent


def _ago(days: float) -> str:
    return (_NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _dynos(one: App, draw: Random) -> list[Dyno]:
    if one.released is None or _chance(draw, 6):
        return []
    size = draw.choice(_SIZES)
    names = [f"web.{n + 1}" for n in range(draw.choice((1, 1, 2, 3)))] if one.web else []
    names += [f"worker.{n + 1}" for n in range(draw.choice((0, 0, 1, 2) if names else (1, 2)))]
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
    if _chance(draw, 4):
        name, since = f"run.{draw.randrange(1000, 9999)}", max(_ago(draw.uniform(0, 20)), one.released)
        dynos.append(Dyno(name, "standard-1X", "bash", since))
    return dynos


def _addons(one: App, position: int, seed: int) -> list[AddOn]:
    draw = _stream(seed, position, "add-ons")
    chosen = [draw.choice(_PLANS)] if _chance(draw, 70) else []
    chosen += [extra for extra in _EXTRAS if _chance(draw, 25)]
    made: dict[str, AddOn] = {}
    for n, (service, plan, variable) in enumerate(chosen):
        # The position in the name keeps it unique: no service occurs twice in one app but with another digit.
        name = f"{service}-{one.name.split('-')[0]}-{position * 10 + n:05d}"
        free = f"HEROKU_{service.upper()}_AMBER_URL" if variable in made else variable
        made[free] = AddOn(name, plan, (free,), one.created)
    return list(made.values())


def _domains(one: App, draw: Random) -> list[Domain]:
    if not one.web or _chance(draw, 50):
        return []
    hosts = [f"{one.name}.larkmoor.example", f"www.{one.name}.larkmoor.example"][: draw.choice((1, 1, 2))]
    if not one.acm:
        return [Domain(host, one.created, None, certificate=False) for host in hosts]
    acm, reason = draw.choice(_TROUBLES) if _chance(draw, 8) else ("cert issued", None)
    status = "pending" if acm == "pending" else "succeeded"
    return [Domain(host, one.created, acm, reason, status=status, certificate=acm != "pending") for host in hosts]


def _people(one: App, draw: Random) -> list[Seat]:
    owner = one.owning
    staff = [person for person in draw.sample(_STAFF, draw.choice((1, 2, 3))) if person != owner]
    seats = [Seat(owner, one.created, "owner", ()), *(Seat(person, one.created) for person in staff)]
    if not one.team and owner != JUNO:
        seats.append(Seat(JUNO, one.created))
    if _chance(draw, 15):
        seats.append(Seat(draw.choice(_OUTSIDE), one.created, None, ("view", "deploy")))
    return seats
