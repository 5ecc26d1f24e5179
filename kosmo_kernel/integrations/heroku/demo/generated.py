"""Generate the apps of a company of any size from a seed.

Each app has a random stream of its own, named after the seed and the app's position, so that an app and its resources
are the same however many apps there are and in whatever order they are requested. One exception is an add-on that the
previous app shares.

Chance alone leaves small companies without some of the problems that audits look for. So each of `_PROBLEMS` is
assigned to one of the apps from the second to the ninth, chosen by the seed; every company of ten apps or more has
them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec.structs import replace

from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo.company_data import (
    AUDIT,
    COLLEAGUES,
    JUNO,
    LENA,
    ROBOT,
    RUI,
    SAMUEL,
    STAFF,
    TEAM,
    TOM,
)
from kosmo_kernel.integrations.heroku.demo.models import (
    AddOn,
    App,
    Collaborator,
    Domain,
    Dyno,
    Person,
)

_PLACES = ("north", "south", "east", "west", "city", "coast", "harbour", "valley", "border", "island", "airport")
_TRADES = ("labels", "routes", "depot", "couriers", "customs", "returns", "pricing", "tracking", "billing", "claims")
_STACKS = ("heroku-24",) * 13 + ("heroku-22",) * 5 + ("heroku-20",) * 2
_SIZES = ("Basic", "Basic", "Standard-1X", "Standard-1X", "Standard-1X", "Standard-2X", "Performance-M")
_DATABASES = (("postgresql", "essential-0"), ("postgresql", "standard-0"), ("postgresql", "standard-2"))
_EXTRAS = (("redis", "mini"), ("redis", "premium-0"), ("logbarn", "sapling"), ("mailfinch", "flock"))
_PROBLEMS = ("failing", "bare", "pending", "idle", "crashed", "mixed", "stuck", "old")
_PROBLEM_PLANS = {"idle": _DATABASES[1], "crashed": _DATABASES[0], "stuck": _DATABASES[1]}
_TROUBLES = (("failing", "CDN not returning HTTP challenge"), ("failed", "Failing CCA check"), ("pending", None))
_OUTSIDE = (LENA, RUI, TOM, AUDIT, ROBOT)


def app(position: int, seed: int) -> App:
    """Return the app at a position, from 0; the first is `my-app`."""
    draw, problem = _stream(seed, position, "app"), _problem_of(seed, position)
    name = f"{draw.choice(_PLACES)}-{draw.choice(_TRADES)}-{position:04d}" if position else "my-app"
    owner: Person | str = TEAM if _chance(draw, 80) else draw.choice(STAFF)
    stack = draw.choice(_STACKS)
    created, released = draw.uniform(400, 3000), draw.uniform(0, 390)
    never = _chance(draw, 3) and not problem
    if problem == "old":
        stack, released = "heroku-20", max(released, 200)
    elif problem == "crashed":
        released = max(released, 3)  # its console, open for two to three days, cannot be older than the release
    return App(
        name,
        JUNO if not position else owner,
        None if never else draw.choice(("Ruby", "Node.js", "Python", "Go", "Java", "PHP")),
        stack,
        draw.choice(("us", "us", "eu")),
        ago(created),
        None if never else ago(released),
        slug=None if never else draw.randrange(10_000_000, 200_000_000),
        repo=None if never else draw.randrange(100_000, 20_000_000),
        build_stack="heroku-24" if _chance(draw, 10) else stack,
        acm=(_chance(draw, 85) or problem in ("failing", "pending")) and problem != "bare",
        maintenance=_chance(draw, 2) or problem == "stuck",
        web=_chance(draw, 95) or bool(problem),
        release=draw.randrange(2, 900),
    )


def with_resources(apps: Sequence[App], position: int, seed: int) -> App:
    """Return the app at a position of `apps` with its resources."""
    app = apps[position]
    draw, problem = _stream(seed, position, "things"), _problem_of(seed, position)
    owned = _addons(app, position, seed)
    borrows = position and (_chance(draw, 10) or _problem_of(seed, position - 1) == "idle")
    previous_addons = _addons(apps[position - 1], position - 1, seed) if borrows else []
    dynos = _dynos(app, draw, problem)
    kind = "web" if app.web else "worker"
    idle = not dynos and app.released is not None
    return replace(
        app,
        dynos=dynos,
        addons=owned,
        uses=[(apps[position - 1], addon) for addon in previous_addons[:1]],
        domains=_domains(app, draw, problem),
        people=_people(app, draw, problem),
        at_rest=[(kind, f"bin/{kind}")] if idle else (),
    )


def _stream(seed: int, position: int, what: str) -> Random:
    return Random(f"{seed}/{position}/{what}")


def _problem_of(seed: int, position: int) -> str:
    """Return which of `_PROBLEMS` is assigned to the app at a position; empty for most."""
    if not 1 <= position <= len(_PROBLEMS):
        return ""
    draw = Random(f"{seed}/sure")
    return draw.sample(_PROBLEMS, len(_PROBLEMS))[position - 1]


def _chance(draw: Random, percent: int) -> bool:
    return draw.randrange(100) < percent


def _dynos(app: App, draw: Random, problem: str) -> list[Dyno]:
    none = _chance(draw, 6) and problem not in ("crashed", "mixed")
    if app.released is None or none or problem == "idle":
        return []
    size = draw.choice(_SIZES)
    names = [f"web.{n + 1}" for n in range(draw.choice((1, 1, 2, 3)))] if app.web else []
    names += [f"worker.{n + 1}" for n in range(draw.choice((0, 0, 1, 2) if names else (1, 2)))]
    if problem == "mixed" and len(names) == 1:
        names.append("worker.1")
    dynos = [
        Dyno(
            name,
            size,
            f"bin/{name.split('.')[0]}",
            max(ago(draw.uniform(0, 1)), app.released),
            state="crashed" if _chance(draw, 4) else "up",
            release=app.release - 1 if _chance(draw, 2) else None,
        )
        for name in names
    ]
    if problem == "mixed":
        dynos[:2] = [replace(dynos[0], release=app.release - 1), replace(dynos[1], release=None)]
    elif problem == "crashed":
        dynos[0] = replace(dynos[0], size="Basic", state="crashed")
    if _chance(draw, 4) or problem == "crashed":
        days = draw.uniform(2, 3) if problem else draw.uniform(0, 20)
        name, since = f"run.{draw.randrange(1000, 9999)}", max(ago(days), app.released)
        dynos.append(Dyno(name, "standard-1X", "bash", since))
    return dynos


def _addons(app: App, position: int, seed: int) -> list[AddOn]:
    draw, problem = _stream(seed, position, "add-ons"), _problem_of(seed, position)
    chosen = [draw.choice(_DATABASES)] if _chance(draw, 70) else []
    chosen = [_PROBLEM_PLANS[problem]] if problem in _PROBLEM_PLANS else chosen
    chosen += [extra for extra in _EXTRAS if _chance(draw, 25)]
    addons: list[AddOn] = []
    for n, (service, tier) in enumerate(chosen):
        # The position makes the name unique; a service that occurs twice in one app differs in the last digit.
        name = f"{service}-{app.name.split('-')[0]}-{position * 10 + n:05d}"
        is_second = service in [other for other, _ in chosen[:n]]
        addons.append(
            AddOn(name, tier, app.created, config_vars=(f"HEROKU_{service.upper()}_AMBER_URL",) if is_second else None)
        )
    late = _stream(seed, position, "stuck")
    if addons and (problem == "stuck" or (not problem and _chance(late, 2))):
        # Stuck: in provisioning for hours, although it takes minutes.
        addons[-1] = replace(addons[-1], config_vars=(), created=ago(late.uniform(0.1, 3)), state="provisioning")
    return addons


def _domains(app: App, draw: Random, problem: str) -> list[Domain]:
    none = _chance(draw, 50) and problem not in ("failing", "bare", "pending")
    if not app.web or none:
        return []
    hosts = [f"{app.name}.larkmoor.example", f"www.{app.name}.larkmoor.example"][: draw.choice((1, 1, 2))]
    if not app.acm:
        return [Domain(host, app.created, None, certificate=False) for host in hosts]
    acm, reason = draw.choice(_TROUBLES) if _chance(draw, 8) else ("cert issued", None)
    acm, reason = next((trouble for trouble in _TROUBLES if trouble[0] == problem), (acm, reason))
    status = "pending" if acm == "pending" else "succeeded"
    return [Domain(host, app.created, acm, reason, status=status, certificate=acm != "pending") for host in hosts]


def _people(app: App, draw: Random, problem: str) -> list[Collaborator]:
    owner = app.owning
    staff = [person for person in draw.sample(COLLEAGUES, draw.choice((1, 2, 3))) if person != owner]
    if problem == "old" and SAMUEL not in (owner, *staff):
        staff.append(SAMUEL)
    collaborators = [
        Collaborator(owner, app.created, "owner", ()),
        *(Collaborator(person, app.created) for person in staff),
    ]
    if not app.team and owner != JUNO:
        collaborators.append(Collaborator(JUNO, app.created))
    if _chance(draw, 15) or problem == "old":
        collaborators.append(Collaborator(draw.choice(_OUTSIDE), app.created, None, ("view", "deploy")))
    return collaborators
