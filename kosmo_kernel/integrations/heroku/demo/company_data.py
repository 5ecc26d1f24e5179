"""Larkmoor Parcels, the fictional company of the demo account, on 20 November 2026 at 09:00 UTC.

A mid-sized parcel carrier with nineteen apps, most of them owned by its teams, two by people and one by the agency
that built it. It has the problems that people look for when they audit an account; the comment above each app names
them. Every address ends in a domain name that can never exist. The members of a team are the account's owner, members
without apps, and everybody with a seat in one of its apps.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from msgspec.structs import replace

from kosmo_kernel.integrations.heroku.demo.models import (
    PERMISSIONS,
    AddOn,
    App,
    Collaborator,
    Domain,
    Dyno,
    Person,
    Record,
    ident,
    reference,
)

# People -------------------------------------------------------------------------------------------------

JOINED = "2018-03-05T10:21:37Z"  # when the account was created

ENTERPRISE = "larkmoor-parcels"
TEAM = "larkmoor"
LABS = "larkmoor-labs"

JUNO = Person("juno.hale@larkmoor.example", federated=True)  # the owner of the demo account
PRIYA = Person("priya.raman@larkmoor.example", federated=True)
OSKAR = Person("oskar.lind@larkmoor.example", federated=True)
MEI = Person("mei.tanaka@larkmoor.example", federated=True)
INES = Person("ines.duarte@larkmoor.example", federated=True)
SAMUEL = Person("samuel.okoye@larkmoor.example")  # an employee who does not sign in through the directory
COLLEAGUES = (PRIYA, OSKAR, MEI, INES, SAMUEL)
STAFF = (JUNO, *COLLEAGUES)
LENA = Person("lena@pixelbarn.example")  # the agency
RUI = Person("rui@pixelbarn.example")
TOM = Person("tom.ashby@postbox.example")  # a contractor who left at the end of September
AUDIT = Person("audit@ledgerline.example")
ROBOT = Person("deploys@harbourci.example")  # a build service

SIGN_IN: Record = {  # the company's directory
    "id": ident("identity-provider", TEAM),
    "name": "larkmoor-sso",
    "owner": reference("team", TEAM) | {"type": "team"},
}


def account_record() -> Record:
    """Return the record of the account that the demo token belongs to."""
    return {
        "allow_tracking": False,
        "beta": False,
        "created_at": JOINED,
        "email": JUNO.email,
        "federated": JUNO.federated,
        "id": JUNO.id,
        "identity_provider": {
            "id": SIGN_IN["id"],
            "name": SIGN_IN["name"],
            "team": {"name": TEAM},
            "organization": {"name": TEAM},
            "owner": SIGN_IN["owner"],
        },
        "last_login": "2026-11-20T08:12:45Z",
        "name": "Juno Hale",
        "sms_number": None,
        "suspended_at": None,
        "delinquent_at": None,
        "two_factor_authentication": True,
        "updated_at": "2026-11-20T08:12:45Z",
        "verified": True,
        "country_of_residence": "United Kingdom",
        "default_organization": reference("team", TEAM),
        "default_team": reference("team", TEAM),
    }


# Teams --------------------------------------------------------------------------------------------------

_CREATED = {TEAM: "2016-10-24T08:15:00Z", LABS: "2026-01-12T09:30:00Z"}
_RANKS = ("admin", "member", "collaborator")
_PASSWORD_ONLY = (TOM, RUI, ROBOT, SAMUEL)
# Who is in a team without being a collaborator of an app of it, as what, and since when; one of them is of the agency.
_OTHERS = {LABS: ((SAMUEL, "admin", "2026-01-19T10:40:00Z"), (RUI, "member", "2026-02-20T09:15:00Z"))}

APP_PERMISSIONS: list[Record] = [{"name": name, "description": text} for name, text in PERMISSIONS.items()]


def team_records() -> list[Record]:
    """Return the records of the teams, as the account sees them."""
    return [
        {
            "id": ident("team", name),
            "created_at": created,
            "credit_card_collections": False,
            "default": name == TEAM,
            "enterprise_account": reference("enterprise-account", ENTERPRISE),
            "identity_provider": SIGN_IN if name == TEAM else None,
            "membership_limit": None,
            "name": name,
            "provisioned_licenses": True,
            "role": "admin",
            "type": "enterprise",
            "updated_at": created,
        }
        for name, created in _CREATED.items()
    ]


def member_records(team: Record, seats: Iterable[Collaborator]) -> list[Record]:
    """Return the members of a team, in the order of their addresses.

    Parameters:
        seats: the collaborators of all its apps, including the manager's account.
    """
    manager = f"{team['name']}@herokumanager.com"
    by_person: dict[Person, tuple[str, str]] = {JUNO: ("admin", max(JOINED, team["created_at"]))}
    by_person |= {person: (role, since) for person, role, since in _OTHERS.get(team["name"], ())}
    for seat in seats:
        if seat.person.email == manager:
            continue
        role, since = by_person.get(seat.person, ("collaborator", seat.since))
        better = min(role, seat.role or "collaborator", key=_RANKS.index)
        by_person[seat.person] = (better, since if seat.person == JUNO else min(since, seat.since))
    ordered = sorted(by_person.items(), key=lambda item: item[0].email)
    return [_member(team, person, role, since) for person, (role, since) in ordered]


def team_app_record(app: Record, *, joined: bool) -> Record:
    """Return an app as its team's list shows it; `joined` says that the account is a collaborator."""
    fields = {name: value for name, value in app.items() if name not in ("acm", "generation", "organization")}
    space = app["space"] and {"id": app["space"]["id"], "name": app["space"]["name"]}
    return fields | {"joined": joined, "locked": False, "team": {"name": app["team"]["name"]}, "space": space}


def _member(team: Record, person: Person, role: str, since: str) -> Record:
    provider = {"id": SIGN_IN["id"], "name": SIGN_IN["name"], "redacted": False, "owner": SIGN_IN["owner"]}
    return {
        "created_at": since,
        "email": person.email,
        "federated": person.federated,
        "id": ident("team-member", f"{team['name']}/{person.email}"),
        "identity_provider": provider if person.federated else None,
        "role": role,
        "two_factor_authentication": person not in _PASSWORD_ONLY,
        "updated_at": since,
        "user": {"email": person.email, "id": person.id, "name": person.name},
    }


# Apps ---------------------------------------------------------------------------------------------------

VIEW = ("view",)
DEPLOY = ("view", "deploy")
ALL = ("view", "deploy", "operate", "manage")


def _web(count: int, size: str, command: str, *since: str) -> tuple[Dyno, ...]:
    """Return web dynos that started one after the other."""
    return tuple(Dyno(f"web.{n + 1}", size, command, since[n % len(since)]) for n in range(count))


# One argument a line would make every app a page long.
# fmt: off
STORY: tuple[App, ...] = (
    # A production database on an entry plan.
    App("address-checker", TEAM, "Python", "heroku-24", "us", "2022-06-14T09:02:11Z", "2026-11-12T13:44:20Z",
        slug=88_412_160, repo=1_204_224, release=96,
        dynos=_web(1, "Basic", "gunicorn checker:app", "2026-11-19T22:04:51Z"),
        addons=[AddOn("postgresql-flat-18254", "essential-0", "2022-06-14T09:05:40Z", "2026-11-02T03:10:00Z")],
        domains=[Domain("addresses.larkmoor.example", "2022-06-15T08:30:02Z", updated="2026-10-22T04:18:33Z")],
        people=[Collaborator(MEI, "2022-06-14T09:20:00Z"), Collaborator(TOM, "2024-02-01T10:12:09Z", None, DEPLOY)]),
    # A deploy that has not reached its third web dyno.
    App("booking-api", TEAM, "Ruby", "heroku-24", "eu", "2019-04-02T09:12:44Z", "2026-11-20T08:31:05Z", slug=63_214_592,
        repo=8_912_896, release=688,
        dynos=[Dyno("web.1", "Standard-2X", "bundle exec puma", "2026-11-20T08:31:42Z"),
               Dyno("web.2", "Standard-2X", "bundle exec puma", "2026-11-20T08:31:58Z"),
               Dyno("web.3", "Standard-2X", "bundle exec puma", "2026-11-19T17:02:10Z", release=687),
               Dyno("worker.1", "Standard-1X", "bundle exec sidekiq", "2026-11-20T08:31:50Z"),
               Dyno("worker.2", "Standard-1X", "bundle exec sidekiq", "2026-11-20T08:32:04Z")],
        addons=[AddOn("postgresql-curved-41902", "standard-2", "2021-01-18T07:40:13Z", "2026-11-15T02:00:00Z",
                      config_vars=("DATABASE_URL", "BOOKING_DB_URL")),
                AddOn("redis-rugged-77310", "premium-2", "2020-09-09T12:31:00Z"),
                AddOn("logbarn-tapered-30271", "orchard", "2020-03-11T15:20:44Z", action="Rotate token")],
        domains=[Domain("api.larkmoor.example", "2019-04-03T11:00:25Z", updated="2026-10-30T05:12:09Z"),
                 Domain("api-eu.larkmoor.example", "2023-08-21T09:41:17Z", updated="2026-10-30T05:12:10Z")],
        people=[Collaborator(JUNO, "2019-04-02T09:13:00Z", "admin", ALL),
                Collaborator(OSKAR, "2020-05-04T08:00:10Z", permissions=ALL),
                Collaborator(INES, "2023-01-09T09:30:00Z"),
                Collaborator(ROBOT, "2022-10-10T14:02:31Z", "collaborator", DEPLOY)]),
    # Builds on a newer stack than it runs on; a crashed worker; a certificate that cannot be renewed.
    App("courier-app", TEAM, "Node.js", "heroku-22", "eu", "2020-11-30T16:08:29Z", "2026-10-06T10:15:33Z",
        slug=71_933_952, repo=14_680_064, build_stack="heroku-24", release=241,
        dynos=[*_web(2, "Standard-1X", "node server.js", "2026-11-20T01:14:08Z", "2026-11-20T01:22:47Z"),
               Dyno("worker.1", "Standard-1X", "node jobs.js", "2026-11-19T03:37:22Z", "crashed",
                    created="2026-11-19T03:36:58Z")],
        addons=[AddOn("redis-vertical-55218", "premium-0", "2020-12-01T09:11:00Z"),
                AddOn("mapwren-open-12086", "county", "2021-02-17T13:25:58Z")],
        domains=[Domain("courier.larkmoor.example", "2020-12-02T10:10:10Z", "failing",
                        "CDN not returning HTTP challenge", "2026-11-18T04:02:51Z")],
        people=[Collaborator(PRIYA, "2020-12-01T08:00:00Z", permissions=ALL),
                Collaborator(SAMUEL, "2023-05-22T09:15:45Z"), Collaborator(LENA, "2020-12-01T11:30:12Z", None, DEPLOY),
                Collaborator(TOM, "2023-09-04T08:45:00Z", None)]),
    # A stack past its end of life; every web dyno crashed two days ago; an add-on whose price is a contract.
    App("customs-forms", TEAM, "Java", "heroku-20", "eu", "2018-09-17T12:55:06Z", "2024-12-11T15:01:48Z",
        slug=142_606_336, repo=22_020_096, release=173,
        dynos=[Dyno("web.1", "Standard-2X", "java -jar forms.jar", "2026-11-18T06:20:19Z", "crashed"),
               Dyno("web.2", "Standard-2X", "java -jar forms.jar", "2026-11-18T06:20:31Z", "crashed")],
        addons=[AddOn("postgresql-solid-60417", "standard-0", "2021-03-29T08:08:08Z"),
                AddOn("kafka-colorful-29053", "extended-0", "2022-01-10T10:00:00Z")],
        domains=[Domain("customs.larkmoor.example", "2018-09-18T07:00:31Z", "failed", "Failing CCA check",
                        "2026-11-09T04:44:12Z", certificate=False)],
        people=[Collaborator(SAMUEL, "2019-02-11T09:00:00Z", permissions=ALL),
                Collaborator(TOM, "2024-02-01T10:15:30Z", "collaborator", ALL),
                Collaborator(AUDIT, "2026-10-05T09:00:00Z", None, VIEW)]),
    # The one app of the Fir generation: other dyno names, other sizes, no slug.
    App("depot-board", LABS, None, "cnb", "frankfurt", "2026-02-03T14:27:50Z", "2026-11-17T16:40:12Z", repo=2_621_440,
        space="larkmoor-fir", internal_routing=False, generation="fir", release=58,
        dynos=[Dyno("web-5d8f6c7b9c-x2k4q", "dyno-1c-4gb", "npm start", "2026-11-17T16:41:03Z"),
               Dyno("web-5d8f6c7b9c-zr9tm", "dyno-1c-4gb", "npm start", "2026-11-17T16:41:05Z"),
               Dyno("worker-7c66b4d5f8-h7w2n", "dyno-1c-0.5gb", "npm run jobs", "2026-11-17T16:41:04Z")],
        addons=[AddOn("postgresql-amorphous-83140", "premium-2", "2026-02-04T09:00:42Z")],
        domains=[Domain("depots.larkmoor.example", "2026-02-10T10:32:00Z", updated="2026-11-06T04:30:25Z")],
        people=[Collaborator(MEI, "2026-02-03T14:30:00Z", permissions=ALL),
                Collaborator(OSKAR, "2026-02-03T14:31:12Z")]),
    # In maintenance mode since the last day of October.
    App("fleet-radio", TEAM, "Go", "heroku-22", "us", "2021-08-25T07:36:13Z", "2026-05-19T11:20:59Z", slug=19_922_944,
        repo=655_360, updated="2026-10-31T18:05:00Z", maintenance=True, release=64,
        dynos=_web(1, "Standard-1X", "fleet-radio", "2026-11-20T05:48:36Z"),
        addons=[AddOn("redis-cubed-40966", "mini", "2021-08-25T08:00:00Z")],
        domains=[Domain("radio.larkmoor.example", "2021-08-26T12:12:12Z", updated="2026-09-28T05:01:44Z")],
        people=[Collaborator(INES, "2023-01-09T09:32:00Z", permissions=ALL)]),
    # Scaled to zero after Christmas two years ago, and still paid for.
    App("holiday-labels", TEAM, "Ruby", "heroku-20", "us", "2017-10-23T08:50:39Z", "2024-12-20T17:30:00Z",
        slug=54_525_952, repo=3_145_728, release=118,
        addons=[AddOn("postgresql-parallel-99120", "standard-0", "2019-10-01T09:19:00Z"),
                AddOn("logbarn-concave-71835", "sapling", "2020-11-02T10:24:18Z")],
        people=[Collaborator(SAMUEL, "2019-02-11T09:02:00Z"), Collaborator(LENA, "2018-09-20T13:00:05Z", None, DEPLOY),
                Collaborator(RUI, "2018-09-20T13:01:40Z", None, DEPLOY)],
        at_rest=[("web", "bundle exec puma"), ("worker", "bundle exec sidekiq")]),
    # Has no web address; runs its job from the scheduler.
    App("invoice-mailer", TEAM, "Python", "heroku-24", "eu", "2020-02-12T11:41:55Z", "2026-11-10T09:05:17Z",
        slug=47_185_920, repo=917_504, acm=False, web=False, release=139,
        dynos=[Dyno("worker.1", "Standard-1X", "python -m mailer", "2026-11-19T20:15:28Z"),
               Dyno("scheduler.5512", "Standard-1X", "python -m mailer.month_end", "2026-11-20T08:50:04Z")],
        addons=[AddOn("mailfinch-fitted-24809", "flock", "2020-02-12T11:50:00Z"),
                AddOn("scheduler-round-53677", "standard", "2020-02-12T12:02:33Z")],
        people=[Collaborator(PRIYA, "2020-12-01T08:02:00Z", permissions=ALL),
                Collaborator(AUDIT, "2026-10-05T09:01:00Z", None, VIEW)]),
    # A console left open since Monday; it uses the booking database (see SHARED).
    App("label-printer", TEAM, "Ruby", "heroku-24", "eu", "2019-07-08T13:22:01Z", "2026-10-27T14:48:36Z",
        slug=58_720_256, repo=4_456_448, release=205,
        dynos=[*_web(2, "Standard-1X", "bundle exec puma", "2026-11-19T23:30:12Z", "2026-11-19T23:41:55Z"),
               Dyno("run.4821", "standard-1X", "rails console", "2026-11-16T16:20:31Z",
                    attach_url="rendezvous://rendezvous.larkmoor.example:5000/a-console-that-does-not-exist")],
        addons=[AddOn("logbarn-angular-15592", "sapling", "2021-06-07T09:00:29Z")],
        domains=[Domain("labels.larkmoor.example", "2019-07-09T09:09:41Z", updated="2026-11-01T04:15:50Z")],
        people=[Collaborator(OSKAR, "2020-05-04T08:02:00Z", permissions=ALL), Collaborator(MEI, "2022-06-14T09:22:00Z"),
                Collaborator(TOM, "2024-02-01T10:18:51Z", None)]),
    # A colleague's own app, asleep on an Eco dyno; the account may not see its bill.
    App("lost-and-found", PRIYA, "Python", "heroku-22", "eu", "2023-03-17T18:02:47Z", "2025-08-14T20:11:09Z",
        slug=39_845_888, repo=393_216, release=27,
        dynos=[Dyno("web.1", "Eco", "gunicorn found:app", "2026-11-19T19:45:30Z", "idle")],
        addons=[AddOn("postgresql-spherical-36641", "essential-0", "2023-03-17T18:10:26Z", priced=False)],
        people=[Collaborator(JUNO, "2023-03-20T08:31:00Z"), Collaborator(TOM, "2024-03-12T16:40:37Z")]),
    # Juno's own app: small, paid, healthy.
    App("my-app", JUNO, "Node.js", "heroku-24", "us", "2024-05-21T17:45:32Z", "2026-11-14T10:26:08Z", slug=41_943_040,
        repo=524_288, release=43,
        dynos=[*_web(1, "Basic", "npm start", "2026-11-20T02:51:16Z"),
               Dyno("worker.1", "Basic", "node worker.js", "2026-11-20T03:07:44Z")],
        addons=[AddOn("postgresql-convex-70238", "essential-0", "2024-05-21T17:50:10Z"),
                AddOn("redis-horizontal-81457", "mini", "2024-06-02T09:14:38Z")],
        domains=[Domain("juno.larkmoor.example", "2024-05-22T08:00:55Z", updated="2026-11-11T04:20:14Z"),
                 Domain("www.juno.larkmoor.example", "2024-05-22T08:01:20Z", updated="2026-11-11T04:20:15Z")],
        people=[Collaborator(INES, "2024-07-03T12:00:09Z"), Collaborator(RUI, "2025-01-27T10:33:46Z")]),
    # One dyno starting, one stopped; a database that has been provisioning since last night.
    App("night-sorter", TEAM, "Go", "heroku-24", "eu", "2022-12-01T10:00:23Z", "2026-11-20T08:57:41Z", slug=24_117_248,
        repo=1_572_864, acm=False, web=False, release=310,
        dynos=[Dyno("sorter.1", "Performance-M", "sorter --belt $DYNO", "2026-11-20T08:58:30Z"),
               Dyno("sorter.2", "Performance-M", "sorter --belt $DYNO", "2026-11-20T08:59:44Z", "starting"),
               Dyno("sorter.3", "Performance-M", "sorter --belt $DYNO", "2026-11-20T08:58:02Z", "down",
                    created="2026-11-19T23:46:27Z", release=309)],
        addons=[AddOn("postgresql-elliptical-26094", "premium-2", "2026-11-19T21:12:04Z", config_vars=(),
                      state="provisioning", message="Your database is being created; this may take a while.")],
        people=[Collaborator(MEI, "2022-12-01T10:05:00Z", permissions=ALL),
                Collaborator(SAMUEL, "2023-05-22T09:17:00Z"),
                Collaborator(ROBOT, "2022-12-01T10:09:48Z", "collaborator", DEPLOY)]),
    # What customers see. A new market's domain waits for its DNS.
    App("parcel-tracker", TEAM, "Node.js", "heroku-24", "eu", "2018-05-14T08:30:00Z", "2026-11-19T15:42:10Z",
        slug=77_594_624, repo=18_874_368, release=1204,
        dynos=[*_web(4, "Performance-M", "node server.js", "2026-11-19T15:42:51Z", "2026-11-19T15:43:07Z",
                     "2026-11-19T15:43:22Z", "2026-11-19T15:43:40Z"),
               Dyno("worker.1", "Standard-2X", "node events.js", "2026-11-19T15:42:55Z"),
               Dyno("worker.2", "Standard-2X", "node events.js", "2026-11-19T15:43:12Z")],
        addons=[AddOn("postgresql-octagonal-11373", "premium-2", "2018-05-14T08:41:18Z", "2026-11-15T02:00:00Z"),
                AddOn("redis-globular-62745", "premium-2", "2018-06-20T10:10:00Z"),
                AddOn("logbarn-deep-48326", "orchard", "2019-01-15T14:00:37Z", action="Rotate token")],
        domains=[Domain("track.larkmoor.example", "2018-05-15T09:00:00Z", updated="2026-11-03T04:51:38Z"),
                 Domain("www.track.larkmoor.example", "2018-05-15T09:00:40Z", updated="2026-11-03T04:51:39Z"),
                 Domain("sendung.larkmoor.example", "2022-04-11T08:12:26Z", "ok", updated="2026-10-18T04:09:57Z"),
                 Domain("seguimiento.larkmoor.example", "2026-11-18T14:20:05Z", "pending", status="pending",
                        certificate=False)],
        people=[Collaborator(PRIYA, "2020-12-01T08:05:00Z", permissions=ALL),
                Collaborator(OSKAR, "2020-05-04T08:05:00Z"), Collaborator(MEI, "2022-06-14T09:25:00Z"),
                Collaborator(LENA, "2020-12-01T11:33:30Z", None, VIEW),
                Collaborator(AUDIT, "2026-10-05T09:02:00Z", None, VIEW),
                Collaborator(ROBOT, "2022-10-10T14:05:00Z", "collaborator", DEPLOY)]),
    App("parcel-tracker-staging", TEAM, "Node.js", "heroku-24", "eu", "2018-05-14T09:11:52Z", "2026-11-20T07:58:33Z",
        slug=77_660_160, repo=18_874_368, release=2931,
        dynos=[*_web(1, "Basic", "node server.js", "2026-11-20T07:59:01Z"),
               Dyno("worker.1", "Basic", "node events.js", "2026-11-20T07:59:09Z")],
        addons=[AddOn("postgresql-trapezoidal-57480", "essential-2", "2018-05-14T09:15:00Z")],
        people=[Collaborator(PRIYA, "2020-12-01T08:06:00Z", permissions=ALL),
                Collaborator(LENA, "2020-12-01T11:35:00Z", None), Collaborator(RUI, "2020-12-01T11:36:11Z", None)]),
    # Its own domains, and no certificate: automatic ones are switched off and none was uploaded.
    App("price-quotes", TEAM, "PHP", "heroku-22", "us", "2016-11-04T15:17:28Z", "2026-03-02T12:08:44Z", slug=33_554_432,
        repo=2_097_152, acm=False, release=87,
        dynos=_web(1, "Standard-1X", "heroku-php-apache2 public/", "2026-11-19T16:33:29Z"),
        addons=[AddOn("postgresql-cylindrical-44519", "standard-0", "2016-11-04T15:25:41Z"),
                AddOn("mailfinch-slippery-90364", "nest", "2020-06-15T07:31:00Z", "2026-11-13T10:00:00Z",
                      state="deprovisioned")],
        domains=[Domain("quotes.larkmoor.example", "2016-11-07T09:00:00Z", None, certificate=False),
                 Domain("quotes-us.larkmoor.example", "2019-05-02T13:20:15Z", None, certificate=False)],
        people=[Collaborator(SAMUEL, "2019-02-11T09:05:00Z", permissions=ALL)],
        at_rest=[("worker", "php artisan queue:work")]),
    # In a private space with a shield.
    App("returns-desk", TEAM, "Ruby", "heroku-24", "dublin", "2023-10-02T09:48:17Z", "2026-11-05T11:30:42Z",
        slug=60_817_408, repo=5_242_880, web=False, space="larkmoor-secure", shield=True, internal_routing=True,
        release=152,
        dynos=_web(2, "Private-M", "bundle exec puma", "2026-11-19T13:10:20Z", "2026-11-19T13:26:09Z"),
        addons=[AddOn("postgresql-transparent-68205", "premium-2", "2023-10-02T10:00:00Z")],
        domains=[Domain("returns.larkmoor.example", "2023-10-03T08:22:30Z", "in-progress",
                        updated="2026-11-19T17:05:13Z")],
        people=[Collaborator(INES, "2023-10-02T09:50:00Z", permissions=ALL),
                Collaborator(OSKAR, "2023-10-02T09:51:00Z")]),
    # A console in use right now, and a dyno of the largest size.
    App("route-planner", TEAM, "Python", "heroku-24", "us", "2021-01-11T10:37:34Z", "2026-11-18T19:12:03Z",
        slug=201_326_592, repo=9_437_184, release=377,
        dynos=[*_web(2, "Standard-2X", "gunicorn planner:app", "2026-11-20T00:18:45Z", "2026-11-20T00:29:33Z"),
               Dyno("solver.1", "Performance-L", "python -m planner.solve", "2026-11-19T18:44:06Z"),
               Dyno("run.3310", "Standard-1X", "python manage.py shell", "2026-11-20T08:21:57Z",
                    attach_url="rendezvous://rendezvous.larkmoor.example:5000/nor-does-this-one")],
        addons=[AddOn("postgresql-rectangular-20951", "standard-2", "2021-01-11T10:45:00Z"),
                AddOn("mapwren-sinuous-87612", "county", "2021-01-14T16:06:20Z")],
        domains=[Domain("routes.larkmoor.example", "2021-01-12T09:10:11Z", updated="2026-10-25T04:37:02Z")],
        people=[Collaborator(MEI, "2022-06-14T09:28:00Z", permissions=ALL),
                Collaborator(TOM, "2024-02-01T10:21:14Z", None)]),
    # Created and never deployed.
    App("van-telemetry", LABS, None, "heroku-24", "eu", "2026-11-13T16:52:08Z", None,
        people=[Collaborator(OSKAR, "2026-11-13T16:53:00Z")]),
    # Still owned by the agency: an old stack, a crashed dyno, and a shell open since October.
    App("wholesale-portal", LENA, "Ruby", "heroku-20", "us", "2018-02-26T14:33:40Z", "2025-01-22T11:57:15Z",
        slug=52_428_800, repo=7_340_032, release=88,
        dynos=[Dyno("web.1", "Standard-1X", "bundle exec puma", "2026-11-20T04:03:55Z", "crashed",
                    created="2026-11-20T04:03:20Z"), Dyno("run.7702", "standard-1X", "bash", "2026-10-29T15:09:26Z")],
        addons=[AddOn("postgresql-infinite-35708", "essential-2", "2018-02-26T14:40:00Z", priced=False)],
        domains=[Domain("wholesale.larkmoor.example", "2018-03-01T10:00:00Z", "failing", "Invalid DNS",
                        "2026-11-16T04:58:21Z", status="pending")],
        people=[Collaborator(RUI, "2018-02-26T14:36:00Z"), Collaborator(JUNO, "2018-03-06T09:00:18Z"),
                Collaborator(TOM, "2024-02-05T11:11:11Z")]),
)
# fmt: on

# The add-ons that an app uses although another app owns them. Heroku lists them under both.
SHARED = {
    "label-printer": ("postgresql-curved-41902",),
    "night-sorter": ("redis-rugged-77310", "logbarn-tapered-30271"),
    "parcel-tracker-staging": ("logbarn-deep-48326",),
    "wholesale-portal": ("postgresql-hexagonal-47028",),
}
# An app of the agency that the account cannot reach, and that lends its database since November.
_LENDER = App("pixelbarn-catalogue", LENA, "Ruby", "heroku-24", "us", "2026-11-02T10:05:00Z", "2026-11-03T08:40:12Z")
_LENT = AddOn("postgresql-hexagonal-47028", "standard-0", "2026-11-02T10:20:00Z", priced=False)


def story() -> list[App]:
    """Return the apps in the order of their names, in which identifiers rise, too; each has its owner's seat first."""
    rank, total = count(), sum(len(app.addons) for app in STORY)
    apps = [
        replace(
            app,
            position=(position, len(STORY)),
            addons=[replace(addon, position=(next(rank), total)) for addon in app.addons],
            people=[Collaborator(app.owning, app.created, "owner", ()), *app.people],
        )
        for position, app in enumerate(STORY)
    ]
    owned = {addon.name: (app, addon) for app in apps for addon in app.addons} | {_LENT.name: (_LENDER, _LENT)}
    return [replace(app, uses=[owned[name] for name in SHARED.get(app.name, ())]) for app in apps]
