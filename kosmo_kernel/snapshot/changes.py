"""The lists of single apps, and why each may change although the record of its app stays the same.

Heroku does not promise that `updated_at` of an app moves with anything but the app itself, and `released_at` moves with
releases. A list is therefore taken over from an earlier snapshot by default only if something else that is asked again
would show a change of it (`shown_by`). A list that is not in this table is always asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class ListChanges(NamedTuple):
    """The changes of one list.

    Parameters:
        cause: what changes it, and whether the app's record shows that.
        shown_by: the table that differs for an app whenever this list does; empty if there is none.
    """

    cause: str
    shown_by: str = ""


LIST_CHANGES: Mapping[str, ListChanges] = {
    "config_vars": ListChanges("Each change of a config var makes a release.", "releases"),
    "addons": ListChanges("Three lists of the whole account have them; these are asked."),
    "app_features": ListChanges("A feature is switched on or off without a release."),
    "app_webhook_deliveries": ListChanges("Each event adds some."),
    "app_webhook_events": ListChanges("Each event adds one."),
    "app_webhooks": ListChanges("A webhook is added without a release."),
    "buildpack_installations": ListChanges("Buildpacks count from the next build, and are set without a release."),
    "builds": ListChanges("A build that runs or fails makes no release."),
    "collaborators": ListChanges("Access is given and taken without a release, also with the membership of a team."),
    "domains": ListChanges("Certificates are renewed and fail by themselves; a host name is added without a release."),
    "dynos": ListChanges("Dynos restart daily, crash, and come and go with scaling and `heroku run`."),
    "formation": ListChanges("Scaling makes no release."),
    "log_drains": ListChanges("A drain is added without a release, also by an add-on."),
    "releases": ListChanges(
        "The status changes when the release phase ends; one that failed is never the current one."
    ),
    "sni_endpoints": ListChanges("Certificates are renewed by themselves, and replaced without a release."),
    "team_app_collaborators": ListChanges("As for `collaborators`."),
    "telemetry_drains": ListChanges("A drain is added without a release, also to a space."),
}

# Tables that show that an app has changed, or what the account may see of it, although the app's record is the same.
EVIDENCE = ("collaborators", "releases")
