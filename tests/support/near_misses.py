"""States of a company that look like defects and are none: the day before a limit, what was mended, what is allowed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from clean_company import (
    AUTHORIZATIONS,
    BUILDS,
    CONFIG_VARS,
    ENDPOINTS,
    FORMATION,
    INVITATIONS,
    RELEASES,
    TRANSFERS,
    authorization,
    invitation,
)
from defect_site import Site, move
from defects_in_apps import add_one_off, fail_build

from kosmo_kernel.demo.models import Record, ident
from kosmo_kernel.demo.people import LENA, PRIYA
from kosmo_kernel.demo.times import ago

LASTING = ("development", "staging", "production")


def console_of_today(site: Site) -> None:
    """Leave a one-off dyno running, not yet for a day."""
    add_one_off(site, site.app(), ago(site.draw.uniform(0.1, 0.95)))


def rather_quiet(site: Site) -> None:
    """Release an app no more for five months."""
    move(site, site.app(*LASTING), site.draw.uniform(100, 160))


def certificate_of_next_month(site: Site) -> None:
    """Let a certificate end in five weeks, by when Heroku has renewed it."""
    app = site.app("production")
    for endpoint in site.company.at(ENDPOINTS, app):
        endpoint["ssl_cert"]["expires_at"] = ago(-site.draw.uniform(31, 40))


def certificate_on_its_way(site: Site) -> None:
    """Add a domain whose automatic certificate is being made."""
    app = site.app("production")
    site.company.at(ENDPOINTS, app).clear()
    for domain in site.company.resources_of(app).domains:
        if domain["kind"] == "custom":
            domain.update(acm_status="in-progress", sni_endpoint=None)


def add_on_in_the_making(site: Site) -> None:
    """Create an add-on half an hour ago."""
    addon = site.draw.choice(site.company.resources_of(site.app()).addons)
    addon.update(state="provisioning", created_at=ago(0.02), provider_id="")


def deploy_under_way(site: Site) -> None:
    """Restart one dyno after the other after a release of this minute."""
    app = site.app("production")
    before = site.company.releases(app)[-2]
    dynos = [one for one in site.company.resources_of(app).dynos if one["type"] == "web"]
    dynos[0]["release"] = {"id": before["id"], "version": before["version"]}
    dynos[1].update(created_at=ago(0.001), updated_at=ago(0.001))


def release_phase_under_way(site: Site) -> None:
    """Run the release phase of the next release for half an hour, while the dynos serve with the one before."""
    app = site.app("staging", "production")
    dynos, since = site.company.resources_of(app).dynos, ago(0.02)
    own = {"id": ident("dyno", f"{app['name']}/release"), "name": "release.1234", "type": "release"}
    version = {"id": ident("release", f"{app['name']}/next"), "version": dynos[0]["release"]["version"] + 1}
    dynos.append(copy.deepcopy(dynos[0]) | own | {"release": version, "created_at": since, "updated_at": since})


def my_app_asleep(site: Site) -> None:
    """Let a dyno sleep until the next request."""
    site.company.resources_of(site.my_app()).dynos[0].update(state="idle")


def mended(site: Site) -> None:
    """Repair what failed before the newest release: a release phase, a rollback."""
    releases = site.company.at(RELEASES, site.app(*LASTING))
    releases[-3].update(status="failed", eligible_for_rollback=False)
    releases[-4].update(description=f"Rollback to v{releases[-4]['version'] - 1}")


def built_again(site: Site) -> None:
    """Build an app again after a build that failed."""
    app = site.app(*LASTING)
    fail_build(site, app)
    builds = site.company.at(BUILDS, app)
    last = copy.deepcopy(builds[-2])
    last.update(id=ident("build-run", f"again/{app['name']}"), created_at=ago(0.01), updated_at=ago(0.01))
    builds.append(last)


def created_today(site: Site) -> None:
    """Create an app some hours ago; nothing is deployed yet."""
    app = site.app("development")
    app.update(released_at=None, slug_size=None, repo_size=0, created_at=ago(site.draw.uniform(0.1, 0.9)))
    for path in (RELEASES, BUILDS, FORMATION):
        site.company.put([], path, app)
    site.company.resources_of(app).dynos.clear()
    site.company.resources_of(app).addons.clear()


def asleep_for_nothing(site: Site) -> None:
    """Scale an app to zero whose add-ons cost nothing."""
    app = site.app("development")
    for process in site.company.at(FORMATION, app):
        process["quantity"] = 0
    site.company.resources_of(app).dynos.clear()
    for addon in site.company.resources_of(app).addons:
        addon["billed_price"] = addon["billed_price"] | {"cents": 0}


def config_var_to_try(site: Site) -> None:
    """Set a config var where somebody develops, and nowhere else."""
    site.company.at(CONFIG_VARS, site.app("development"))["TRY_NEW_MAP"] = "on"


def one_mailbox(site: Site) -> None:
    """Use one secret in two apps of production."""
    for app in (site.app("production"), site.app("production")):
        vars_of = [app, *site.apps_in(site.pipeline_of(app), "staging")]
        for one in vars_of:
            value = "shared-by-production" if one is app else f"own-of-{one['name']}"
            site.company.at(CONFIG_VARS, one)["SMTP_PASSWORD"] = value


def fresh_review_app(site: Site) -> None:
    """Work on a pull request for nearly two weeks."""
    app = site.app("review")
    move(site, app, 4)


def transfer_of_yesterday(site: Site) -> None:
    """Offer an app some days ago; an older offer was taken."""
    for days, state in ((site.draw.uniform(0, 6), "pending"), (40, "accepted"), (50, "declined")):
        site.company.at(TRANSFERS).append(_transfer(site.app(), ago(days), state))


def invitation_of_this_month(site: Site) -> None:
    """Invite somebody four weeks ago."""
    team = site.team("invitations")
    site.company.at(INVITATIONS, team).append(invitation(team, PRIYA, ago(29)))


def team_without_a_role(site: Site) -> None:
    """Leave out the role of the collaborator that stands for the team, as Heroku does."""
    [seat] = (one for one in site.company.resources_of(site.app()).collaborators if one["role"] == "owner")
    seat.pop("role")


def owner_of_a_team(site: Site) -> None:
    """Let an administrator of a team be its owner."""
    team = site.team("admins")
    member = next(one for one in site.company.members(team) if one["role"] == "admin")
    member.update(role="owner")


def short_authorization(site: Site) -> None:
    """Authorize a build service for a day."""
    site.once("authorization")
    site.company.at(AUTHORIZATIONS).append(authorization("Build service", ago(0.2), 86400))


NEAR_MISSES: Sequence[Callable[[Site], None]] = (
    add_on_in_the_making,
    asleep_for_nothing,
    built_again,
    certificate_of_next_month,
    certificate_on_its_way,
    config_var_to_try,
    console_of_today,
    created_today,
    deploy_under_way,
    fresh_review_app,
    invitation_of_this_month,
    mended,
    my_app_asleep,
    one_mailbox,
    owner_of_a_team,
    rather_quiet,
    release_phase_under_way,
    short_authorization,
    team_without_a_role,
    transfer_of_yesterday,
)


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
