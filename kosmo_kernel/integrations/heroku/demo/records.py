"""All records of a company, by Heroku's paths.

A path is followed from left to right: a place such as `{app.identity}` stands for one record of the list before it.
What is in a list, or what a path without a list returns, is in `_ANSWERS`; the others are made from the facts of the
schema. Some lists are there only to find a record in: Heroku tells their records one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, NamedTuple

import msgspec

from kosmo_kernel.integrations.heroku.demo import account_records, app_records, databases, offers
from kosmo_kernel.integrations.heroku.demo.company import Company
from kosmo_kernel.integrations.heroku.demo.company_data import APP_PERMISSIONS
from kosmo_kernel.integrations.heroku.demo.http import HerokuError
from kosmo_kernel.integrations.heroku.demo.models import Record
from kosmo_kernel.integrations.heroku.demo.record_maker import Maker
from kosmo_kernel.integrations.heroku.facts import LinkFact, facts
from kosmo_kernel.text import iso_time

RESOLVE_ADDONS = "/actions/addons/resolve"
FILTER_APPS = "/filters/apps"
ASKED_BY_POST = (RESOLVE_ADDONS, FILTER_APPS)

_LINK = ""  # the key of the link that ends at a branch
_ANY = "{}"  # the key of the branch for whatever stands in a place


class FoundLink(NamedTuple):
    """A link, and what stands in the places of its path."""

    link: LinkFact
    values: tuple[str, ...]


class Routes:
    """Finds the link that a path belongs to."""

    def __init__(self, links: Iterable[LinkFact]) -> None:
        self._tree: dict[str, Any] = {}
        for link in links:
            branch = self._tree
            for part in link.path.strip("/").split("/"):
                branch = branch.setdefault(_ANY if part.startswith("{") else part, {})
            branch.setdefault(_LINK, link)  # the first of two resources that share a path

    def match(self, path: str) -> FoundLink | None:
        """Return the link of a path, or None. A word of Heroku's is preferred to a place that takes any."""
        return self._match(self._tree, path.split("/")[1:], ()) if path.startswith("/") else None

    def _match(self, branch: dict[str, Any], parts: list[str], values: tuple[str, ...]) -> FoundLink | None:
        if not parts:
            return FoundLink(branch[_LINK], values) if _LINK in branch else None
        part, *rest = parts
        if not part:
            return None
        exact = self._match(branch[part], rest, values) if part in branch and part != _ANY else None
        return exact or (self._match(branch[_ANY], rest, (*values, part)) if _ANY in branch else None)


_APP, _ADDON, _TEAM, _SPACE = "{app.identity}", "{add-on.identity}", "{team.identity}", "{space.identity}"
_ENTERPRISE, _PIPELINE = "/enterprise-accounts/{enterprise-account.identity}", "/pipelines/{pipeline.id}"
_RULESETS = f"/spaces/{_SPACE}/inbound-rulesets"
_TEST_NODES = "/test-runs/{test-run.identity}/test-nodes"


def _own(name: str) -> Callable[..., Sequence[Record]]:
    """Return the list of a company with this name."""
    return lambda make: getattr(make.company, name)


def _of(name: str) -> Callable[..., Sequence[Record]]:
    """Return the list with this name of an app's resources."""
    return lambda make, app: getattr(make.company.resources_of(app), name)


def _of_app(path: str) -> Callable[..., Record | None]:
    """Return the record of a list that is about an app, or None."""
    return lambda make, app: next(
        (record for record in make.records(path) if record["app"] and record["app"]["id"] == app["id"]), None
    )


# What is at a path: a list, or one record or None.
_ANSWERS: Mapping[str, Callable[..., Any]] = {
    "/account/app-transfers": account_records.transfers,
    "/account/features": lambda make: offers.features(make, "account", make.company.account),
    "/account/invoices": account_records.invoices,
    "/account/keys": account_records.keys,
    "/addon-attachments": _own("addon_attachments"),
    "/addon-region-capabilities": offers.capabilities,
    "/addon-services": offers.services,
    "/addon-services/{add-on-service.identity}/plans": offers.all_plans,
    "/addon-services/{add-on-service.identity}/region-capabilities": offers.capabilities,
    "/addons": _own("addons"),
    f"/addons/{_ADDON}/addon-attachments": lambda make, addon: [
        attachment for attachment in make.company.addon_attachments if attachment["addon"]["id"] == addon["id"]
    ],
    f"/addons/{_ADDON}/config": offers.addon_config,
    f"/addons/{_ADDON}/log-drains": app_records.addon_log_drains,
    f"/addons/{_ADDON}/webhook-deliveries": app_records.deliveries,
    f"/addons/{_ADDON}/webhook-events": app_records.events,
    f"/addons/{_ADDON}/webhooks": app_records.webhooks,
    "/app-setups": app_records.app_setups,
    "/apps": _own("apps"),
    f"/apps/{_APP}/addon-attachments": lambda make, app: make.company.attachments_of(app),
    f"/apps/{_APP}/addons": _of("all_addons"),
    f"/apps/{_APP}/available-dyno-sizes": offers.available_dyno_sizes,
    f"/apps/{_APP}/available-stacks": offers.available_stacks,
    f"/apps/{_APP}/buildpack-installations": app_records.buildpack_installations,
    f"/apps/{_APP}/builds": app_records.builds,
    f"/apps/{_APP}/collaborators": _of("collaborators"),
    f"/apps/{_APP}/domains": _of("domains"),
    f"/apps/{_APP}/dynos": _of("dynos"),
    f"/apps/{_APP}/features": lambda make, app: offers.features(make, "app", app),
    f"/apps/{_APP}/formation": lambda make, app: make.company.formation(app),
    f"/apps/{_APP}/log-drains": app_records.log_drains,
    f"/apps/{_APP}/oci-images": app_records.oci_images,
    f"/apps/{_APP}/releases": lambda make, app: make.company.releases(app),
    f"/apps/{_APP}/slugs": app_records.slugs,
    f"/apps/{_APP}/sni-endpoints": app_records.sni_endpoints,
    f"/apps/{_APP}/telemetry-drains": app_records.telemetry_drains,
    f"/apps/{_APP}/webhook-deliveries": app_records.deliveries,
    f"/apps/{_APP}/webhook-events": app_records.events,
    f"/apps/{_APP}/webhooks": app_records.webhooks,
    "/dyno-sizes": offers.dyno_sizes,
    "/enterprise-accounts": account_records.enterprise_accounts,
    f"{_ENTERPRISE}/archives": account_records.archives,
    f"{_ENTERPRISE}/events": account_records.audit_trail,
    f"{_ENTERPRISE}/teams": lambda make, _account: make.company.teams,
    "/enterprise-accounts/{enterprise-account.id}/usage/daily": partial(account_records.enterprise_usage, unit="date"),
    "/enterprise-accounts/{enterprise-account.id}/usage/monthly": partial(
        account_records.enterprise_usage, unit="month"
    ),
    "/generations": offers.generations,
    "/oauth/authorizations": account_records.authorizations,
    "/pipeline-couplings": account_records.couplings,
    "/pipeline-promotions": account_records.promotions,
    "/pipeline-promotions/{pipeline-promotion.id}/promotion-targets": account_records.promotion_targets,
    "/pipelines": account_records.pipelines,
    f"{_PIPELINE}/latest-builds": account_records.latest_builds,
    f"{_PIPELINE}/latest-deployments": account_records.latest_releases,
    f"{_PIPELINE}/latest-releases": account_records.latest_releases,
    f"{_PIPELINE}/pipeline-couplings": account_records.couplings,
    f"{_PIPELINE}/review-apps": account_records.review_apps,
    "/plans": offers.all_plans,
    "/regions": offers.regions,
    "/regions/{region.identity}/addon-region-capabilities": offers.capabilities,
    "/review-apps": account_records.review_apps,
    "/spaces": account_records.spaces,
    f"/spaces/{_SPACE}/members": account_records.members,
    f"/spaces/{_SPACE}/telemetry-drains": app_records.telemetry_drains,
    "/stacks": offers.stacks,
    "/teams": _own("teams"),
    "/teams/apps": lambda make: [app for team in make.company.teams for app in make.company.team_apps(team)],
    "/teams/apps/{team-app.identity}/collaborators": _of("collaborators"),
    "/teams/invitations": lambda make: [
        invitation for team in make.company.teams for invitation in account_records.invitations(make, team)
    ],
    "/teams/permissions": lambda _make: APP_PERMISSIONS,
    f"/teams/{_TEAM}/addons": lambda make, team: make.company.addons_of(make.company.team_apps(team)),
    f"/teams/{_TEAM}/apps": lambda make, team: make.company.team_apps(team),
    f"/teams/{_TEAM}/available-generations": offers.generations,
    f"/teams/{_TEAM}/features": lambda make, team: offers.features(make, "team", team),
    f"/teams/{_TEAM}/invoices": account_records.team_invoices,
    f"/teams/{_TEAM}/members": lambda make, team: make.company.members(team),
    f"/teams/{_TEAM}/members/{{team-member.identity}}/apps": account_records.member_apps,
    f"/teams/{_TEAM}/permissions": account_records.permission_entities,
    f"/teams/{_TEAM}/pipeline-couplings": account_records.couplings,
    f"/teams/{_TEAM}/spaces": lambda make, team: [
        space for space in make.records("/spaces") if space["team"]["id"] == team["id"]
    ],
    "/teams/{team.id}/usage/daily": partial(account_records.team_usage, unit="date"),
    "/teams/{team.id}/usage/monthly": partial(account_records.team_usage, unit="month"),
    "/teams/{team.name}/invitations": account_records.invitations,
    "/telemetry-drains": app_records.telemetry_drains,
    "/test-runs": lambda make: [
        run for pipeline in make.records("/pipelines") for run in make.records(f"{_PIPELINE}/test-runs", pipeline)
    ],
    "/test-runs/{test-run.id}/test-cases": lambda make, run: make.several(
        "test-case", run["id"], test_run=run, test_node=make.records(_TEST_NODES, run)[0]
    ),
    "/users": lambda make: [make.company.account],
    "/users/{account.identity}/addons": lambda make, _user: make.company.addons_of(make.company.personal_apps),
    "/users/{account.identity}/apps": lambda make, _user: make.company.personal_apps,
    "/users/~/pipeline-couplings": account_records.own_couplings,
    "/account": lambda make: make.company.account,
    f"/apps/{_APP}/config-vars": app_records.config_vars,
    f"/apps/{_APP}/pipeline-couplings": _of_app("/pipeline-couplings"),
    f"/apps/{_APP}/releases/{{release.identity}}/config-vars": app_records.config_vars,
    f"/apps/{_APP}/review-app": _of_app("/review-apps"),
    f"{_PIPELINE}/pipeline-stack": account_records.pipeline_stack,
    f"{_PIPELINE}/review-app-config": account_records.review_app_config,
    f"{_PIPELINE}/stage/{{pipeline-coupling.stage}}/config-vars": app_records.pipeline_config_vars,
    f"/spaces/{_SPACE}/inbound-ruleset": lambda make, space: make.records(_RULESETS, space)[0],
    f"/spaces/{_SPACE}/topology": account_records.topology,
    "/account/delinquency": account_records.delinquency,
    f"/teams/{_TEAM}/delinquency": account_records.delinquency,
    "/users/{account.identity}/sms-number": lambda make, _user: {"sms_number": make.company.account["sms_number"]},
}
_WORDS = ("stage",)  # places with a word of Heroku's instead of a record
# Of errors: the kind of thing, and what people call it, where it is another word than the resource's.
_NOUNS = {
    "account": ("user", "user"),
    "add-on": ("addon", "add-on"),
    "add-on-attachment": ("add_on attachment", "add-on attachment"),
    "domain": ("domain", "domain name"),
    "formation": ("formation", "process type"),
    "team-app": ("app", "app"),
    "team-member": ("member", "team member"),
    "team-preferences": ("team", "team"),
    "user-preferences": ("user", "user"),
}
_TIME = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z"')
_KEPT_LISTS = 64  # the last ones that were asked for: a client asks for the pages of a list one after the other


class CompanyRecords:
    """The records of a company.

    Parameters:
        company: whose records they are.
        moved: by how much every time in them is moved.
    """

    def __init__(self, company: Company, moved: timedelta = timedelta()) -> None:
        self.company = company
        self._moved = moved
        self._make = Maker(company, self._list, moved)
        self._links = {link.path: link for link in facts().links}
        self._answers = lru_cache(maxsize=_KEPT_LISTS)(self._answer)
        # Lists of the whole account, which others refer to.
        self._wide = lru_cache(maxsize=None)(partial(self._made, self._make.several))

    def answer(self, match: FoundLink, query: Mapping[str, str]) -> Any:
        """Return the record of a link, or all records of its list, at the moved time.

        Raises:
            HerokuError: 404 if something on the way does not exist, 422 for a query that is missing or wrong.
        """
        values = {name: query.get(name, "") for name in match.link.query}
        for name, is_required in match.link.query.items():
            if is_required and not values[name]:
                raise HerokuError(422, "invalid_params", f"The parameter `{name}` is missing.")
        return self._answers(match.link.path, match.values, tuple(values.values()))

    def find_apps(self, names: Collection[str]) -> list[Record]:
        """Return the apps with these names or identifiers."""
        apps = [app for app in self.company.apps if app["id"] in names or app["name"] in names]
        return list(self._at_moved_time(apps))

    def find_app(self, identity: str) -> Record:
        """Return the app with this name or identifier.

        Raises:
            HerokuError: 404 if there is none, 403 if the account cannot reach it.
        """
        app = self.company.find(identity)
        if app is None and (hidden := self.company.find_any(identity)):
            raise HerokuError(403, "forbidden", f"You do not have access to the app {hidden['name']}.")
        if app is None:
            raise not_found("app")
        return app

    def find_addons(self, identity: str, app: str | None, service: str | None) -> list[Record]:
        """Return the add-ons that a name may refer to.

        Parameters:
            identity: an add-on's name or identifier or, within an app, the name of an attachment or a service;
                `my-app::DATABASE` includes the app.
            app: the app's name or identifier, or None for all apps.
            service: the name of the only service to consider, or None.

        Raises:
            HerokuError: 404 if there is none, or no such app.
        """
        if "::" in identity:
            app, _, identity = identity.partition("::")
        if app is None:
            addons = [addon for addon in self.company.addons if identity in (addon["id"], addon["name"])]
        else:
            record = self.find_app(app)
            names: dict[str, set[str]] = {}
            for attachment in self.company.attachments_of(record):
                names.setdefault(attachment["addon"]["id"], set()).add(attachment["name"])
            addons = [
                addon
                for addon in self.company.resources_of(record).all_addons
                if identity in (addon["id"], addon["name"], addon["addon_service"]["name"], *names.get(addon["id"], ()))
            ]
        addons = [addon for addon in addons if service in (None, addon["addon_service"]["name"])]
        if not addons:
            raise HerokuError(404, "not_found", "Couldn't find that add on.", resource="add_on")
        return list(self._at_moved_time(addons))

    def _answer(self, path: str, values: tuple[str, ...], query: tuple[str, ...]) -> Any:
        link, parts = self._links[path], path[1:].split("/")
        if link.host:
            return databases.sent(path, self._at_moved_time(databases.answer(self.company, link, values)))
        remaining = iter(values)
        parents: list[Any] = []
        for n, part in enumerate(parts):
            if part.startswith("{"):
                parents.append(self._find("/" + "/".join(parts[:n]), part[1:-1], parents, next(remaining)))
        if parts[-1].startswith("{"):  # an image is the only one that Heroku has in a list
            answer = parents[-1] if link.returns == "record" else parents[-1:]
        elif link.returns == "list":
            answer = self._list(path, *parents, *query)
        else:
            answer = self._made(self._make, path, *parents)
        if answer is None:
            raise not_found(link.resource)
        return self._at_moved_time(answer)

    def _list(self, path: str, *parents: Any) -> Sequence[Record]:
        """Return the records of a list; `parents` are what stands in the places of its path, and the query."""
        records: Sequence[Record] = self._made(self._make.several, path, *parents) if parents else self._wide(path)
        return records

    def _made(self, make: Callable[..., Any], path: str, *parents: Any) -> Any:
        """Return what is at a path; `make` makes it if nothing else is known of it."""
        own = self.company.own_records(path, *parents)
        if own is not None:
            return own
        if path in _ANSWERS:
            return _ANSWERS[path](self._make, *parents)
        link = self._links[path]
        ids = (parent.get("id", "") if isinstance(parent, dict) else parent for parent in parents)
        names = (name.partition(".")[0].replace("-", "_") for name in link.placeholders)  # that fields have for parents
        return make(link.resource, "/".join([path, *map(str, ids)]), **dict(zip(names, parents, strict=False)))

    def _find(self, list_path: str, placeholder: str, parents: Sequence[Any], value: str) -> Any:
        """Return the record that stands in a place such as `app.identity`, of the list at the path before it."""
        resource, _, name = placeholder.partition(".")
        if name in _WORDS:
            return self._word(placeholder, value)
        if list_path == "/apps":
            return self.find_app(value)
        ways = [way.partition(" ")[0] for way in facts().parameters[placeholder]]
        if value == "~" and "self" in ways:
            value, ways = str(self.company.account["id"]), ["id"]
        elif ways == ["token"]:  # a secret that no record has: its identifier stands for it
            ways = ["id"]
        record = _first(self._candidates(list_path, parents), value, resource, ways)
        if record is None:
            raise not_found(resource)
        return record

    def _candidates(self, list_path: str, parents: Sequence[Any]) -> Sequence[Record]:
        if list_path.endswith("/archives/{archive.year}"):
            archives = self._list(f"{_ENTERPRISE}/archives", parents[0])
            return [archive for archive in archives if archive["year"] == parents[1]["year"]]
        if list_path == "/addons":  # one that an app out of reach lends as well
            return [*self._list(list_path), *self.company.borrowed_addons]
        return self._list(list_path, *parents)

    def _word(self, placeholder: str, value: str) -> str:
        [text] = facts().parameters[placeholder]
        if value not in text.partition("{")[2].rstrip("}").split():
            raise not_found(placeholder.partition(".")[0])
        return value

    def _at_moved_time(self, answer: Any) -> Any:
        if not self._moved:
            return answer
        moved = partial(_move, moved=self._moved)
        return msgspec.json.decode(_TIME.sub(moved, msgspec.json.encode(answer)))


def not_found(resource: str) -> HerokuError:
    """Return the error for a record that does not exist."""
    kind, noun = _NOUNS.get(resource, (resource.replace("-", "_"), resource.replace("-", " ")))
    return HerokuError(404, "not_found", f"Couldn't find that {noun}.", resource=kind)


def _move(match: re.Match[bytes], moved: timedelta) -> bytes:
    time = datetime.fromisoformat(match[1].decode())
    return b'"%s"' % iso_time(time + moved).encode()


def _first(records: Sequence[Record], value: str, resource: str, ways: Sequence[str]) -> Record | None:
    """Return the first record that has a value among its fields of these names, or those of its user."""
    for record in records:
        user = record.get("user", {})
        own = {} if user and resource == "account" else record  # a user is found among members, by the user's own names
        if value in [str(text) for way in ways if (text := own.get(way, user.get(way))) is not None]:
            return record
    return None
