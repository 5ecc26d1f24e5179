"""Access besides the collaborators of apps: invitations, teams as a whole, authorizations, keys."""

from __future__ import annotations

from kosmo_kernel.demo.models import Person, Record, ident, reference
from kosmo_kernel.demo.people import ENTERPRISE, JUNO, LABS, OSKAR, PRIYA, SIGN_IN, STAFF, TEAM
from kosmo_kernel.demo.record_maker import Maker, fictional, user
from kosmo_kernel.demo.times import ago

# Invitations that nobody took: to which team, whom, in which role, by whom, how many days ago.
_INVITATIONS = (
    (TEAM, Person("noor.haddad@larkmoor.example"), "member", PRIYA, 6.3),
    (TEAM, Person("bruno@pixelbarn.example"), "admin", JUNO, 74.5),
    (LABS, Person("kit.fenwick@larkmoor.example"), "member", OSKAR, 19.1),
)
# Authorizations of the account: what for, their scopes, how many days ago, for how many seconds (None: for ever).
_AUTHORIZATIONS = (
    ("Deploys from the build service", ("write",), 770.2, None),
    ("Tom's laptop", ("global",), 611.4, None),
    ("Nightly inventory", ("read", "identity"), 31.0, 60 * 86400),
)


def enterprise_accounts(make: Maker) -> list[Record]:
    """Return the one enterprise account of the company."""
    given = {"identity_provider": SIGN_IN, "trial": False, "permissions": ["view", "create", "manage", "billing"]}
    return [make("enterprise-account", ENTERPRISE, **reference("enterprise-account", ENTERPRISE), **given)]


def audit_trail(make: Maker, account: Record) -> list[Record]:
    """Return what happened in the enterprise account lately."""
    found = []
    for n, (app, person) in enumerate(zip(make.company.every_app, STAFF, strict=False)):
        given = {"app": app, "actor": user(person), "owner": app["owner"], "team": app["team"] or {}}
        given |= {"type": "app", "action": "update", "data": {}, "created_at": max(ago(n + 0.5), app["created_at"])}
        found.append(make("audit-trail-event", f"{n}", enterprise_account=account, **given))
    return found


def archives(make: Maker, _account: Record) -> list[Record]:
    """Return the archives of the audit trail, one of each of the last months."""
    return [
        make("archive", month, year=int(month[:4]), month=month[5:], created_at=ago(10 + 30 * n), size=4096 + n)
        for n, month in enumerate(make.months(3))
    ]


def all_invitations(make: Maker) -> list[Record]:
    """Return the invitations to all teams."""
    return [one for team in make.company.teams for one in invitations(make, team)]


def invitations(make: Maker, team: Record) -> list[Record]:
    """Return the invitations to a team that nobody took."""
    return [
        make(
            "team-invitation",
            person.email,
            id=ident("invitation", person.email),
            team=team,
            role=role,
            user=user(person),
            invited_by=user(by),
            created_at=ago(days),
        )
        for name, person, role, by, days in _INVITATIONS
        if name == team["name"]
    ]


def member_apps(make: Maker, team: Record, member: Record) -> list[Record]:
    """Return the apps of a team that a member can reach: all of them for an administrator."""
    return [
        app
        for app in make.company.team_apps(team)
        if member["role"] == "admin" or make.company.joined(app, member["user"])
    ]


def permission_entities(make: Maker, team: Record) -> list[Record]:
    """Return who may do what in each app of a team."""
    return [
        {
            "id": app["id"],
            "name": app["name"],
            "team_id": team["id"],
            "type": "app",
            "users": [
                {"id": seat["user"]["id"], "email": seat["user"]["email"], "permissions": _names(seat)}
                for seat in make.company.resources_of(app).collaborators
            ],
        }
        for app in make.company.team_apps(team)
    ]


def authorizations(make: Maker) -> list[Record]:
    """Return the authorizations of the account."""
    found = []
    for description, scopes, days, seconds in _AUTHORIZATIONS:
        token = {"id": ident("token", description), "expires_in": seconds, "token": fictional(description)}
        given = {"description": description, "scope": list(scopes), "access_token": token, "client": None}
        given |= {"grant": None, "refresh_token": None, "session": None, "user": user(JUNO), "created_at": ago(days)}
        found.append(make("oauth-authorization", description, **given))
    return found


def transfers(make: Maker) -> list[Record]:
    """Return the app that is to be handed over to the account, and waits: the agency's, or a colleague's."""
    foreign = (one for one in make.company.apps if one["team"] is None and one["owner"]["id"] != JUNO.id)
    app = make.company.find("wholesale-portal") or next(foreign, None)
    if app is None:
        return []
    given = {"owner": app["owner"], "recipient": user(JUNO), "state": "pending", "created_at": ago(40.6)}
    return [make("app-transfer", "1", app=app, **given)]


def keys(make: Maker) -> list[Record]:
    """Return the SSH keys of the account; one is of a computer that nobody has any more."""
    return [
        make("key", comment, comment=comment, email=JUNO.email, created_at=ago(days))
        for comment, days in {"juno@laptop": 77.0, "juno@old-laptop": 1420.3}.items()
    ]


def team_delinquency(_make: Maker, team: Record) -> Record:
    """Return when a team is suspended and deleted; one has a bill that is not paid."""
    is_late = team["name"] == LABS
    return {
        "scheduled_deletion_time": ago(-41) if is_late else None,
        "scheduled_suspension_time": ago(-11) if is_late else None,
    }


def _names(seat: Record) -> list[str]:
    return [one["name"] for one in seat["permissions"]]
