"""Who may do what: collaborators, members of teams, invitations, authorizations, transfers, keys, the account."""

from __future__ import annotations

import copy

from clean_company import (
    ALL,
    AUTHORIZATIONS,
    DELINQUENCY,
    INVITATIONS,
    KEYS,
    TRANSFERS,
    authorization,
    invitation,
)

from check_cases.site import Findings, Site, defect, finding, near_miss, takes
from kosmo_kernel.demo import ago
from kosmo_kernel.integrations.heroku.demo.company_data import LENA, PRIYA, ROBOT, RUI, TOM
from kosmo_kernel.integrations.heroku.demo.models import PERMISSIONS, Person, Record, ident

LEAVERS = [Person(f"{name}@larkmoor.example", federated=True) for name in ("ivo.marsh", "kai.ross", "lin.voss")]
NEWCOMER = Person("una.kerr@larkmoor.example", federated=True)
NAMESAKE = Person("una.kerr@notlarkmoor.example")
STRANGER = Person("petra.holm@larkmoor.example", federated=True)

takes("leavers", "leavers-in-teams", leavers=[person.email.title() for person in LEAVERS])  # compared without case


@defect("account-health")
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


@near_miss("account-health")
def account_of_the_directory(site: Site) -> None:
    """Sign in to the account through the directory, whose second factor Heroku does not see."""
    site.once("account")
    site.company.account.update(two_factor_authentication=False, federated=True)


@defect("teams-with-unpaid-bills")
def unpaid_bill(site: Site) -> Findings:
    """Pay the bill of a team no more."""
    team = site.team("bill")
    times = {"scheduled_suspension_time": ago(-7), "scheduled_deletion_time": ago(-30)}
    site.company.put(times, DELINQUENCY, team)
    return [finding("teams-with-unpaid-bills", {"team": team["name"]})]


@near_miss("teams-with-unpaid-bills")
def account_behind_with_payments(site: Site) -> Findings:
    """Let the account owe something, and no team."""
    site.once("account")
    account = site.company.account
    account.update(delinquent_at=ago(3))
    return [finding("account-health", {"account": account["email"], "problem": "behind with payments"})]


@defect("admins-without-second-factor")
@near_miss("members-without-second-factor")
def admin_without_second_factor(site: Site) -> Findings:
    """Let an administrator of a team do without a second factor."""
    team = site.team("admins")
    member = site.draw.choice([one for one in site.company.members(team) if one["role"] == "admin"])
    _use_a_password(site, member["email"])
    member.update(two_factor_authentication=False)
    return [
        finding("admins-without-second-factor", {"team": team["name"], "email": member["email"]}),
        finding("without-single-sign-on", {"who": member["email"]}),
    ]


@defect("members-without-second-factor")
@near_miss("admins-without-second-factor")
def member_without_second_factor(site: Site) -> Findings:
    """Let a member of a team do without a second factor."""
    team = site.team("members")
    member = site.draw.choice([one for one in site.company.members(team) if one["role"] == "member"])
    _use_a_password(site, member["email"])
    member.update(two_factor_authentication=False)
    return [
        finding("members-without-second-factor", {"team": team["name"], "email": member["email"]}),
        finding("without-single-sign-on", {"who": member["email"]}),
    ]


@defect("teams-with-one-admin")
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


@near_miss("teams-with-one-admin")
def owner_of_a_team(site: Site) -> None:
    """Let an administrator of a team be its owner."""
    team = site.team("admins")
    member = next(one for one in site.company.members(team) if one["role"] == "admin")
    member.update(role="owner")


@defect("outsiders-in-teams")
def outsider_in_a_team(site: Site) -> Findings:
    """Make somebody from an agency a member of a team."""
    team, person = site.draw.choice(site.company.teams), Person("quinn@pixelbarn.example")
    site.once(person.email)
    _add_member(site, team, person, "member")
    return [finding("outsiders-in-teams", {"team": team["name"], "email": person.email})]


@defect("old-invitations")
def old_invitation(site: Site) -> Findings:
    """Leave an invitation open for more than a month."""
    team = site.team("invitations")
    person = Person("noor.haddad@larkmoor.example")
    site.company.at(INVITATIONS, team).append(invitation(team, person, ago(site.draw.uniform(31, 300))))
    return [finding("old-invitations", {"team": team["name"], "email": person.email})]


@near_miss("old-invitations")
def invitation_of_this_month(site: Site) -> None:
    """Invite somebody four weeks ago."""
    team = site.team("invitations")
    site.company.at(INVITATIONS, team).append(invitation(team, PRIYA, ago(29)))


@defect("leavers", "leavers-in-teams")
def seat_of_a_leaver(site: Site) -> Findings:
    """Leave a seat to somebody who left, in an app and its team."""
    app, person = site.app(), site.person(*LEAVERS)
    _add_member(site, app["team"], person, "member")
    _add_seat(site, app, person, ("view",))
    in_team = finding("leavers-in-teams", {"team": app["team"]["name"], "email": person.email})
    return [in_team, finding("leavers", {"app": app["name"], "who": person.email})]


@near_miss("leavers", "leavers-in-teams")
def namesake_of_a_leaver(site: Site) -> None:
    """Add a colleague whose address begins like that of somebody who left."""
    app, person = site.app(), Person("ivo.marshall@larkmoor.example", federated=True)
    _add_member(site, app["team"], person, "member")
    _add_seat(site, app, person, ("view", "deploy"))


@defect("leavers-in-teams")
@near_miss("leavers")
def membership_of_a_leaver(site: Site) -> Findings:
    """Leave somebody who left in a team, without a seat in an app."""
    team, person = site.draw.choice(site.company.teams), site.person(*LEAVERS)
    _add_member(site, team, person, "member")
    return [finding("leavers-in-teams", {"team": team["name"], "email": person.email})]


@defect("outside-collaborators")
@near_miss("collaborators-outside-the-team", "outsiders-in-teams", "without-single-sign-on")
def guest(site: Site) -> Findings:
    """Invite somebody from outside to an app; the team has them as a collaborator."""
    app, person = site.app(), site.person(LENA, RUI, TOM, ROBOT, NAMESAKE)
    _add_seat(site, app, person, ("view", "deploy"))
    _add_member(site, app["team"], person, "collaborator")
    return [finding("outside-collaborators", {"app": app["name"], "who": person.email})]


@defect("collaborators-outside-the-team")
@near_miss("outside-collaborators")
def collaborator_in_no_team(site: Site) -> Findings:
    """Make a colleague a collaborator of an app without being in its team."""
    site.once(STRANGER.email)
    app = site.app()
    _add_seat(site, app, STRANGER, ("view", "deploy"))
    return [finding("collaborators-outside-the-team", {"app": app["name"], "email": STRANGER.email})]


@defect("managers-outside-the-admins")
def member_who_manages(site: Site) -> Findings:
    """Let somebody manage an app without being an administrator."""
    app = site.app()
    who = _give_permissions(site, app, ALL)
    return [finding("managers-outside-the-admins", {"app": app["name"], "who": who})]


@near_miss("managers-outside-the-admins")
def member_who_operates(site: Site) -> None:
    """Give a member of a team all permissions in an app but that of a manager."""
    _give_permissions(site, site.app(), ALL[:-1])


@defect("without-single-sign-on")
def password_only(site: Site) -> Findings:
    """Let a colleague sign in with a password."""
    site.once(NEWCOMER.email)
    app = site.app()
    person = Person(NEWCOMER.email)
    _add_seat(site, app, person, ("view", "deploy"))
    _add_member(site, app["team"], person, "member")
    return [finding("without-single-sign-on", {"who": person.email})]


@defect("apps-of-a-person")
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


@near_miss("apps-of-a-person")
def team_without_a_role(site: Site) -> None:
    """Leave out the role of the collaborator that stands for the team, as Heroku does."""
    [seat] = (one for one in site.company.resources_of(site.app()).collaborators if one["role"] == "owner")
    seat.pop("role")


@defect("app-transfers-waiting")
def transfer_that_waits(site: Site) -> Findings:
    """Offer an app to somebody who does not answer."""
    app = site.app()
    site.company.at(TRANSFERS).append(_transfer(app, ago(site.draw.uniform(8, 90)), "pending"))
    return [finding("app-transfers-waiting", {"app": app["name"], "recipient": LENA.email})]


@near_miss("app-transfers-waiting")
def transfer_of_yesterday(site: Site) -> None:
    """Offer an app some days ago; an older offer was taken."""
    for days, state in ((site.draw.uniform(0, 6), "pending"), (40, "accepted"), (50, "declined")):
        site.company.at(TRANSFERS).append(_transfer(site.app(), ago(days), state))


@defect("authorizations-without-end")
def authorization_without_end(site: Site) -> Findings:
    """Authorize something for ever."""
    site.once("authorizations")
    record = authorization("A laptop", ago(site.draw.uniform(40, 900)), None)
    site.company.at(AUTHORIZATIONS).append(record)
    return [finding("authorizations-without-end", {"id": record["id"]})]


@near_miss("authorizations-without-end")
def short_authorization(site: Site) -> None:
    """Authorize a build service for a day."""
    site.once("authorization")
    site.company.at(AUTHORIZATIONS).append(authorization("Build service", ago(0.2), 86400))


@defect("old-ssh-keys")
def old_key(site: Site) -> Findings:
    """Keep the SSH key of an old laptop."""
    site.once("key")
    key = site.company.at(KEYS)[0]
    key.update(created_at=ago(site.draw.uniform(366, 2000)))
    return [finding("old-ssh-keys", {"fingerprint": key["fingerprint"]})]


@near_miss("old-ssh-keys")
def key_of_this_year(site: Site) -> None:
    """Keep an SSH key for nearly a year."""
    site.once("key")
    site.company.at(KEYS)[0].update(created_at=ago(site.draw.uniform(300, 364)))


def _give_permissions(site: Site, app: Record, names: tuple[str, ...]) -> str:
    """Give permissions in an app to one of its members, and return the address."""
    seats = [one for one in site.company.resources_of(app).collaborators if one["role"] == "member"]
    seat = site.draw.choice(seats)
    seat["permissions"] = [{"name": name, "description": PERMISSIONS[name]} for name in names]
    return str(seat["user"]["email"])


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


def _use_a_password(site: Site, email: str) -> None:
    """Let a person sign in with a password, in all teams and apps."""
    for team in site.company.teams:
        for member in site.company.members(team):
            if member["email"] == email:
                member.update(federated=False, identity_provider=None)
    for app in site.company.apps:
        for seat in site.company.resources_of(app).collaborators:
            if seat["user"]["email"] == email:
                seat["user"].update(federated=False)


def _transfer(app: Record, since: str, state: str) -> Record:
    return {
        "app": {"id": app["id"], "name": app["name"]},
        "created_at": since,
        "id": ident("transfer", app["name"]),
        "owner": app["owner"],
        "recipient": {"email": LENA.email, "id": LENA.id},
        "state": state,
        "updated_at": since,
    }
