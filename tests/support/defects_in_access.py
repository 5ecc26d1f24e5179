"""Defects of who may do what: collaborators, members of teams, invitations, authorizations, spaces, the account."""

from __future__ import annotations

import copy

from clean_company import (
    ALL,
    AUTHORIZATIONS,
    DELINQUENCY,
    INVITATIONS,
    KEYS,
    SPACES,
    TRANSFERS,
    authorization,
    invitation,
)
from defect_site import Finding, Site, finding

from kosmo_kernel.demo.models import PERMISSIONS, Person, Record, ident, reference
from kosmo_kernel.demo.people import LENA, PRIYA, ROBOT, RUI, TOM
from kosmo_kernel.demo.times import ago

Findings = list[Finding]
LEAVERS = [Person(f"{name}@larkmoor.example", federated=True) for name in ("ivo.marsh", "kai.ross", "lin.voss")]
NEWCOMER = Person("una.kerr@larkmoor.example", federated=True)
NAMESAKE = Person("una.kerr@notlarkmoor.example")
STRANGER = Person("petra.holm@larkmoor.example", federated=True)


def guest(site: Site) -> Findings:
    """Invite somebody from outside to an app; the team has them as a collaborator."""
    app, person = site.app(), site.person(LENA, RUI, TOM, ROBOT, NAMESAKE)
    _add_seat(site, app, person, ("view", "deploy"))
    _add_member(site, app["team"], person, "collaborator")
    return [finding("outside-collaborators", {"app": app["name"], "who": person.email})]


def collaborator_in_no_team(site: Site) -> Findings:
    """Make a colleague a collaborator of an app without being in its team."""
    site.once(STRANGER.email)
    app = site.app()
    _add_seat(site, app, STRANGER, ("view", "deploy"))
    return [finding("collaborators-outside-the-team", {"app": app["name"], "email": STRANGER.email})]


def seat_of_a_leaver(site: Site) -> Findings:
    """Leave a seat to somebody who left, in an app and its team."""
    app, person = site.app(), site.person(*LEAVERS)
    _add_member(site, app["team"], person, "member")
    _add_seat(site, app, person, ("view",))
    in_team = finding("leavers-in-teams", {"team": app["team"]["name"], "email": person.email})
    return [in_team, finding("leavers", {"app": app["name"], "who": person.email})]


def membership_of_a_leaver(site: Site) -> Findings:
    """Leave somebody who left in a team, without a seat in an app."""
    team, person = site.draw.choice(site.company.teams), site.person(*LEAVERS)
    _add_member(site, team, person, "member")
    return [finding("leavers-in-teams", {"team": team["name"], "email": person.email})]


def app_of_a_person(site: Site) -> Findings:
    """Let an app belong to a person."""
    app = site.app()
    owner = {"email": PRIYA.email, "id": PRIYA.id}
    app.update(team=None, organization=None, owner=owner)
    seats = site.company.resources_of(app).collaborators
    for seat in seats:
        seat.pop("permissions")
        seat.pop("role")
    seats[:] = [one for one in seats if one["user"]["email"] != PRIYA.email]
    seats[0].update(role="owner", user=owner | {"federated": True})
    return [finding("apps-of-a-person", {"app": app["name"], "owner": PRIYA.email})]


def member_who_manages(site: Site) -> Findings:
    """Let somebody manage an app without being an administrator."""
    app = site.app()
    seats = [one for one in site.company.resources_of(app).collaborators if one["role"] == "member"]
    seat = site.draw.choice(seats)
    seat["permissions"] = [{"name": name, "description": PERMISSIONS[name]} for name in ALL]
    return [finding("managers-outside-the-admins", {"app": app["name"], "who": seat["user"]["email"]})]


def password_only(site: Site) -> Findings:
    """Let a colleague sign in with a password."""
    site.once(NEWCOMER.email)
    app = site.app()
    person = Person(NEWCOMER.email)
    _add_seat(site, app, person, ("view", "deploy"))
    _add_member(site, app["team"], person, "member")
    return [finding("without-single-sign-on", {"who": person.email})]


def admin_without_second_factor(site: Site) -> Findings:
    """Let an administrator of a team do without a second factor."""
    team = site.team("admins")
    member = site.draw.choice([one for one in site.company.members(team) if one["role"] == "admin"])
    member.update(two_factor_authentication=False, federated=False, identity_provider=None)
    return [finding("admins-without-second-factor", {"team": team["name"], "email": member["email"]})]


def member_without_second_factor(site: Site) -> Findings:
    """Let a member of a team do without a second factor."""
    team = site.team("members")
    member = site.draw.choice([one for one in site.company.members(team) if one["role"] == "member"])
    member.update(two_factor_authentication=False, federated=False, identity_provider=None)
    return [finding("members-without-second-factor", {"team": team["name"], "email": member["email"]})]


def one_admin(site: Site) -> Findings:
    """Leave a team with a single administrator."""
    team = site.team("admins")
    for member in site.company.members(team):
        if member["role"] == "admin" and member["email"] != site.company.account["email"]:
            member["role"] = "member"
            for app in site.company.team_apps(team):
                for seat in site.company.resources_of(app).collaborators:
                    if seat["user"]["id"] == member["user"]["id"]:
                        seat.update(role="member", permissions=seat["permissions"][:-1])
    return [finding("teams-with-one-admin", {"team": team["name"]})]


def outsider_in_a_team(site: Site) -> Findings:
    """Make somebody from an agency a member of a team."""
    team, person = site.draw.choice(site.company.teams), Person("quinn@pixelbarn.example")
    site.once(person.email)
    _add_member(site, team, person, "member")
    return [finding("outsiders-in-teams", {"team": team["name"], "email": person.email})]


def unpaid_bill(site: Site) -> Findings:
    """Pay the bill of a team no more."""
    team = site.team("bill")
    times = {"scheduled_suspension_time": ago(-7), "scheduled_deletion_time": ago(-30)}
    site.company.put(times, DELINQUENCY, team)
    return [finding("teams-with-unpaid-bills", {"team": team["name"]})]


def transfer_that_waits(site: Site) -> Findings:
    """Offer an app to somebody who does not answer."""
    app, person = site.app(), PRIYA
    since = ago(site.draw.uniform(8, 90))
    site.company.at(TRANSFERS).append(
        {
            "app": {"id": app["id"], "name": app["name"]},
            "created_at": since,
            "id": ident("transfer", app["name"]),
            "owner": app["owner"],
            "recipient": {"email": person.email, "id": person.id},
            "state": "pending",
            "updated_at": since,
        }
    )
    return [finding("app-transfers-waiting", {"app": app["name"], "recipient": person.email})]


def old_key(site: Site) -> Findings:
    """Keep the SSH key of an old laptop."""
    site.once("key")
    key = site.company.at(KEYS)[0]
    key.update(created_at=ago(site.draw.uniform(366, 2000)))
    return [finding("old-ssh-keys", {"fingerprint": key["fingerprint"]})]


def old_invitation(site: Site) -> Findings:
    """Leave an invitation open for more than a month."""
    team = site.team("invitations")
    person = Person("noor.haddad@larkmoor.example")
    site.company.at(INVITATIONS, team).append(invitation(team, person, ago(site.draw.uniform(31, 300))))
    return [finding("old-invitations", {"team": team["name"], "email": person.email})]


def authorization_without_end(site: Site) -> Findings:
    """Authorize something for ever."""
    site.once("authorizations")
    record = authorization("A laptop", ago(site.draw.uniform(40, 900)), None)
    site.company.at(AUTHORIZATIONS).append(record)
    return [finding("authorizations-without-end", {"id": record["id"]})]


def empty_space(site: Site) -> Findings:
    """Pay for a space without apps."""
    site.once("empty space")
    spaces = site.company.at(SPACES)
    spaces.append(copy.deepcopy(spaces[0]) | reference("space", "larkmoor-empty"))
    return [finding("spaces-without-apps", {"space": "larkmoor-empty"})]


def account_in_trouble(site: Site) -> Findings:
    """Leave the account unverified, without a second factor, or in debt."""
    site.once("account")
    account = site.company.account
    troubles: dict[str, Record] = {
        "not verified": {"verified": False},
        "no second factor": {"two_factor_authentication": False, "federated": False, "identity_provider": None},
        "suspended": {"suspended_at": ago(2)},
        "behind with payments": {"delinquent_at": ago(3)},
    }
    problem = site.draw.choice(sorted(troubles))
    account.update(troubles[problem])
    return [finding("account-health", {"account": account["email"], "problem": problem})]


def _add_seat(site: Site, app: Record, person: Person, permissions: tuple[str, ...]) -> None:
    seats = site.company.resources_of(app).collaborators
    seats.append(
        copy.deepcopy(seats[-1])
        | {
            "id": ident("collaborator", f"{app['name']}/{person.email}"),
            "permissions": [{"name": name, "description": PERMISSIONS[name]} for name in permissions],
            "role": "member",
            "user": {"email": person.email, "federated": person.federated, "id": person.id},
        }
    )


def _add_member(site: Site, team: Record, person: Person, role: str) -> None:
    [full] = (one for one in site.company.teams if one["id"] == team["id"])
    members = site.company.members(full)
    members.append(
        copy.deepcopy(members[0])
        | {
            "email": person.email,
            "federated": person.federated,
            "id": ident("team-member", f"{team['name']}/{person.email}"),
            "role": role,
            "two_factor_authentication": True,
            "user": {"email": person.email, "id": person.id, "name": person.name},
        }
    )
