"""The table of defects: for each shipped check the ways to change a clean company so that it finds something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import defects_in_access as access
import defects_in_addons as addons
import defects_in_apps as apps
from clean_company import MY_APP, EditableCompany
from defect_site import Finding, NoPlaceError, Site
from near_misses import NEAR_MISSES

Defect = Callable[[Site], list[Finding]]

DEFECTS: Mapping[str, Sequence[Defect]] = {
    "account-health": (access.account_in_trouble,),
    "add-on-costs": (addons.dear_add_on,),
    "add-ons-on-ending-plans": (addons.plan_that_ends,),
    "add-ons-shared-between-stages": (addons.add_on_of_two_stages,),
    "admins-without-second-factor": (access.admin_without_second_factor,),
    "app-transfers-waiting": (access.transfer_that_waits,),
    "app-health": (apps.trouble_of_my_app,),
    "apps-of-a-person": (access.app_of_a_person,),
    "apps-without-pipeline": (apps.no_pipeline,),
    "authorizations-without-end": (access.authorization_without_end,),
    "certificates-ending": (addons.certificate_that_ends, addons.failing_certificate_that_ends),
    "changed-lately": (apps.changed_just_now,),
    "collaborators-outside-the-team": (access.collaborator_in_no_team,),
    "config-vars-missing-in-a-stage": (addons.config_var_that_staging_lacks,),
    "crashed-dynos": (apps.crashed,),
    "deprecated-stack": (apps.app_on_a_deprecated_stack, apps.pipeline_on_a_deprecated_stack),
    "domains-waiting-for-dns": (addons.waiting_for_dns,),
    "domains-without-certificate": (addons.no_certificate,),
    "drains-to-other-hosts": (addons.drain_to_a_stranger,),
    "dyno-costs": (apps.dear_dynos,),
    "entry-databases-in-production": (addons.entry_plan_in_production,),
    "failed-release-phase": (apps.release_phase_failed,),
    "failing-certificates": (addons.failing_certificate, addons.failing_certificate_that_ends),
    "forgotten-one-off-dynos": (apps.console_left_open,),
    "last-build-failed": (apps.last_build_failed,),
    "leavers": (access.seat_of_a_leaver,),
    "leavers-in-teams": (access.membership_of_a_leaver, access.seat_of_a_leaver),
    "maintenance-left-on": (apps.maintenance,),
    "managers-outside-the-admins": (access.member_who_manages,),
    "members-without-second-factor": (access.member_without_second_factor,),
    "mixed-releases": (apps.dynos_on_two_releases,),
    "never-released": (apps.never_shipped,),
    "nothing-to-roll-back-to": (apps.no_way_back,),
    "old-invitations": (access.old_invitation,),
    "old-ssh-keys": (access.old_key,),
    "outside-collaborators": (access.guest,),
    "outsiders-in-teams": (access.outsider_in_a_team,),
    "paid-add-ons-without-dynos": (apps.scaled_to_zero, apps.never_shipped),
    "production-without-log-drain": (addons.no_drain,),
    "quiet-apps": (apps.no_release_for_long,),
    "regions-in-use": (apps.far_region,),
    "review-apps-left-behind": (apps.old_review_app, apps.review_app_without_app),
    "rollback-still-live": (apps.rolled_back,),
    "secrets-shared-between-stages": (addons.one_secret_in_two_stages,),
    "self-signed-certificates": (addons.self_signed,),
    "shared-add-ons": (addons.add_on_of_two_apps, addons.add_on_of_two_stages, apps.database_of_an_app_at_rest),
    "single-web-dyno-in-production": (apps.one_web_dyno,),
    "small-dynos-in-production": (apps.small_dynos,),
    "spaces-without-apps": (access.empty_space,),
    "stack-changes-at-next-build": (apps.next_build_on_another_stack,),
    "stack-out-of-support": (apps.app_on_an_old_stack, apps.pipeline_on_an_old_stack),
    "stages-on-different-stacks": (apps.newer_stack_in_staging,),
    "stuck-add-ons": (addons.stuck_add_on,),
    "teams-with-one-admin": (access.one_admin,),
    "teams-with-unpaid-bills": (access.unpaid_bill,),
    "total-bill": (addons.ruinous_add_on,),
    "without-single-sign-on": (access.password_only,),
}

RARE = {"regions-in-use"}  # checks whose defects need an app in a space, of which there are few, so they come first

PARAMETERS: Mapping[str, Any] = {
    "add-on-costs.usd_a_month": 10_000,
    "app-health.app_name": MY_APP,
    "changed-lately.days": apps.LATELY,
    "drains-to-other-hosts.hosts": ["Logs.larkmoor.example"],
    "dyno-costs.usd_a_month": 10_000,
    "leavers": [one.email.title() for one in access.LEAVERS],  # addresses are compared without case
    "regions-in-use.regions": ["us", "eu", "virginia", "oregon", "dublin", "frankfurt"],
    "total-bill.usd_a_month": 1_000_000,
}
"""Values of the required parameters: what the checks are about."""


def seed_defects(company: EditableCompany, draw: Random, names: Sequence[str]) -> dict[str, list[Finding]]:
    """Change a company so that some checks find something; return the findings by the check for which each was made.

    Parameters:
        company: a clean one, with enough places.
        draw: chooses the kind of a defect, and its place.
        names: of checks.

    Raises:
        NoPlaceError: the company has no place left.
    """
    site = Site(company, draw)
    return {name: draw.choice(DEFECTS[name])(site) for name in sorted(names, key=lambda name: name not in RARE)}


def add_near_misses(company: EditableCompany, draw: Random) -> None:
    """Change a clean company so that it stays clean, but only just."""
    site = Site(company, draw)
    for near_miss in draw.sample(NEAR_MISSES, len(NEAR_MISSES)):
        with suppress(NoPlaceError):
            near_miss(site)
