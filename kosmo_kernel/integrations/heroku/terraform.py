"""List what Terraform manages of a Heroku account, with the identifiers that the provider heroku/heroku imports it by.

What Terraform would not manage is left out: review apps, which come and go with pull requests, and what Heroku or an
add-on makes by itself, such as the domain of each app below `herokuapp.com`, certificates that Heroku renews, an
add-on's own drain and its first attachment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kosmo_kernel.catalogue.inventory import AccountTables, Import, Row, Terraform
from kosmo_kernel.text import value_at

_TEAM_ACCOUNT = "@herokumanager.com"  # ends the address that stands for a team where Heroku wants a person
PROVIDER = """\
# The provider of the resources in imports.tf. Leave this file out where a configuration has it already.
terraform {
  required_version = ">= 1.5"
  required_providers {
    heroku = {
      source  = "heroku/heroku"
      version = "~> 5.0"
    }
  }
}

# The token comes from HEROKU_API_KEY. Without the customizations, Terraform's state has the values of all config vars.
provider "heroku" {
  customizations {
    set_app_all_config_vars_in_state = false
    set_addon_config_vars_in_state   = false
  }
}
"""


def review_apps(data: AccountTables) -> frozenset[str]:
    """Return the names of the apps that were made for a pull request."""
    return frozenset(row["name"] for row in data.answer("apps") if row["review_app"])


def left_out(data: AccountTables) -> str:
    """Return what is left out, in words."""
    return f"review apps ({len(review_apps(data)):,} of them), and what Heroku or an add-on makes by itself"


def imports(data: AccountTables) -> Iterator[Import]:
    """Yield the import of each resource of the account that Terraform can manage."""
    yield from _spaces_and_teams(data)
    yield from _apps(data)
    yield from _addons(data)
    yield from _domains_and_drains(data)
    yield from _pipelines(data)


def _is_person(email: str) -> bool:
    return not email.lower().endswith(_TEAM_ACCOUNT)


def _spaces_and_teams(data: AccountTables) -> Iterator[Import]:
    for row in data.rows("spaces"):
        yield Import("heroku_space", row["name"], row["id"])
    for row in data.rows("space_members"):
        space, email = row["space"]["name"], row["user"]["email"]
        if _is_person(email):
            yield Import("heroku_space_app_access", f"{space}_{email}", f"{space}:{email}")
    for row in data.rows("team_members"):
        if row.get("role") != "collaborator":  # who is only a collaborator of apps is not a member
            yield Import("heroku_team_member", f"{row['team']}_{row['email']}", f"{row['team']}:{row['email']}")


def _apps(data: AccountTables) -> Iterator[Import]:
    skipped = review_apps(data)
    for row in data.rows("apps"):
        if row["name"] not in skipped:
            yield Import("heroku_app", row["name"], row["id"])
    for app, process in _of_lasting_apps(data, "formation"):
        yield Import("heroku_formation", f"{app}_{process['type']}", f"{app}:{process['type']}")
    for app, seat in _of_lasting_apps(data, "collaborators"):
        email = seat["user"]["email"]
        in_team = value_at(data.apps.get(app), "team.name") is not None
        if _is_person(email) and (seat.get("permissions") if in_team else seat.get("role") != "owner"):
            resource = "heroku_team_collaborator" if in_team else "heroku_collaborator"
            yield Import(resource, f"{app}_{email}", f"{app}:{email}")


def _addons(data: AccountTables) -> Iterator[Import]:
    for _, row in _of_lasting_apps(data, "account_addons"):
        if row.get("state") != "deprovisioned":
            yield Import("heroku_addon", row["name"], row["id"])
    first = _first_attachments(data.rows("addon_attachments"))
    for app, row in _of_lasting_apps(data, "addon_attachments"):
        if row["id"] not in first:
            yield Import("heroku_addon_attachment", f"{app}_{row['name']}", row["id"])


def _domains_and_drains(data: AccountTables) -> Iterator[Import]:
    managed = {row["id"] for row in data.answer("certificates") if row["managed_by_heroku"]}
    for app, row in _of_lasting_apps(data, "domains"):
        if row["kind"] == "custom":
            yield Import("heroku_domain", row["hostname"], f"{app}:{row['id']}")
    for app, row in _of_lasting_apps(data, "sni_endpoints"):
        if row["id"] not in managed:
            yield Import("heroku_ssl", f"{app}_{row['name']}", f"{app}:{row['id']}")
    for app, row in _of_lasting_apps(data, "log_drains"):
        if not row.get("addon"):
            yield Import("heroku_drain", f"{app}_{row.get('host') or 'drain'}", f"{app}:{row['id']}:sensitive")
    for row in data.rows("telemetry_drains"):
        yield Import("heroku_telemetry_drain", value_at(row, "exporter.host") or "drain", row["id"])


def _pipelines(data: AccountTables) -> Iterator[Import]:
    names = {row["id"]: row["name"] for row in data.rows("pipelines")}
    for row in data.rows("pipelines"):
        yield Import("heroku_pipeline", row["name"], row["id"])
    for app, coupling in _of_lasting_apps(data, "pipeline_couplings"):
        pipeline = names.get(coupling["pipeline"]["id"], coupling["pipeline"]["id"])
        yield Import("heroku_pipeline_coupling", f"{pipeline}_{coupling['stage']}_{app}", coupling["id"])


def _of_lasting_apps(data: AccountTables, table: str) -> Iterator[tuple[str, Row]]:
    """Yield the records of a list with the names of their apps, without review apps."""
    skipped = review_apps(data)
    for row in data.rows(table):
        app = data.app_name(row)
        if app not in skipped:
            yield app, row


def _first_attachments(rows: Iterable[Row]) -> set[str]:
    """Return the ids of the attachments that came with an add-on: the oldest one to the app that owns it."""
    first: dict[str, Row] = {}
    for row in rows:
        if value_at(row, "addon.app.id") == value_at(row, "app.id"):
            addon = row["addon"]["id"]
            oldest = first.get(addon)
            if oldest is None or _age(row) < _age(oldest):
                first[addon] = row
    return {row["id"] for row in first.values()}


def _age(row: Row) -> tuple[str, str]:
    """Return what sorts attachments by their age; one without a time is the oldest."""
    return row.get("created_at") or "", row["name"]


TERRAFORM = Terraform("heroku/heroku", PROVIDER, imports, left_out)
