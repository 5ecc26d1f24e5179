"""The functions that are written by hand, with the columns of their records. `functions.md` has what they say.

Seven look at apps, and at what belongs to one app. One has the dates on which the support of stacks ends.

The columns are in the order in which a table shows them, and every property of Heroku's schema for version 3 of its
Platform API is among them, nested ones dotted: first what distinguishes the records, then their state, dates, fields
for programs, and identifiers last. A column is nullable if the schema says so, or if Heroku is known to leave the key
out. The main ones fit into 80 columns of text.

Heroku spells the names of dyno sizes in several ways, and takes any of them. Its schema has `standard-1X` as an example
of the size of a dyno, `Standard-1X` of the size of a process type and `eco` of the name of a size, while its command
line tool shows `Standard-1X` and `Eco`. A join of two of these lists by the names as they are sent loses rows without
an error, so tables and frames have one spelling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any

from kosmo_kernel.catalogue import BulkSource, Column, Function, Link, Param
from kosmo_kernel.integrations.heroku.api import IDENTITY, READ
from kosmo_kernel.integrations.heroku.entries import entries

# The fields with the name of a dyno size, by resource. What else is called `size` is a number of bytes.
SIZE_FIELDS = (
    ("dyno", "size"),
    ("dyno-size", "name"),
    ("formation", "size"),
    ("formation", "dyno_size.name"),
    ("test-run", "dyno.size"),
)
SIZE_DOC = "Tables and frames have one spelling; in JSON and Lua Heroku's use of capitals varies"

_FIR = "dyno-"  # the first letters of the names of the Fir generation, which are all in lower case


def size_spelling(name: str) -> str:
    """Return the usual spelling of a dyno size: `Standard-1X`, `Performance-L-RAM`, `Eco`, `dyno-1c-4gb`.

    Names that differ only in capitals have the same spelling, whatever they are.
    """
    if name.lower().startswith(_FIR):
        return name.lower()
    family, *rest = name.split("-")
    return "-".join([family.capitalize(), *(part.upper() for part in rest)])


APP = (
    Column("name", "Unique on Heroku, but it can change and be taken again; `id` stays"),
    Column("team.name", "The team that owns it; nil for a personal app", nullable=True),
    Column("owner.email", "Who owns it; for a team's app an address at `herokumanager.com` that stands for the team"),
    Column("region.name", "Where it runs: `us`, `eu`, or the region of its Private Space"),
    Column("stack.name", "The operating system image it runs on, such as `heroku-24`"),
    Column("build_stack.name", "The image its next build will use; another one while an upgrade is pending"),
    Column("generation.name", "The generation of the platform: `cedar` or `fir`"),
    Column("web_url", "Its address on the web; nil when it has none", nullable=True),
    Column("maintenance", "Whether visitors see the maintenance page", "boolean"),
    Column("acm", "Whether Heroku looks after its certificates (Automated Certificate Management)", "boolean"),
    Column("released_at", "The latest release; nil when there never was one", "timestamp", nullable=True),
    Column("updated_at", "The last change of the app", "timestamp"),
    Column("created_at", "When the app was made", "timestamp"),
    Column("archived_at", "When it was archived; nil as a rule", "timestamp", nullable=True),
    Column("buildpack_provided_description", "What its buildpack calls it; nil before the first build", nullable=True),
    Column("slug_size", "Bytes of the built app; nil before the first build", "integer", nullable=True),
    Column("repo_size", "Bytes of its Git repository; nil before the first push", "integer", nullable=True),
    Column("git_url", "Where `git push` goes"),
    Column("space.name", "Its Private Space; nil outside of one", nullable=True),
    Column("space.shield", "Whether that is a Shield space; nil outside of one", "boolean", nullable=True),
    Column("internal_routing", "Whether only its space can reach it; nil outside of one", "boolean", nullable=True),
    Column("organization.name", "The team once more, under the word Heroku used before", nullable=True),
    Column("id", "Identifier of the app"),
    Column("owner.id", "Identifier of the owner"),
    Column("team.id", "Identifier of the team", nullable=True),
    Column("region.id", "Identifier of the region"),
    Column("stack.id", "Identifier of the stack"),
    Column("build_stack.id", "Identifier of the stack of the next build"),
    Column("generation.id", "Identifier of the generation"),
    Column("space.id", "Identifier of the Private Space", nullable=True),
    Column("organization.id", "Identifier of the team once more", nullable=True),
)

DYNO = (
    Column("name", "`web.1` on Cedar; on Fir a longer one that starts with the type", main=True),
    Column(
        "state",
        "`up`, `starting`, `idle`, `crashed` or `down`; Heroku may add others",
        main=True,
        values=("up", "starting", "idle", "crashed", "down"),
    ),
    Column("type", "The process type of the Procfile, `web`; `run` for a one-off", main=True),
    Column("size", f"Such as `Standard-1X`. {SIZE_DOC}", main=True, spelling=size_spelling),
    Column("command", "What was started"),
    Column("app.name", "The app it belongs to", main=True),
    Column("release.version", "The number of the release it runs: 42 is `v42`", "integer"),
    Column("updated_at", "When `state` last changed: since when it is up, or crashed", "timestamp", main=True),
    Column("created_at", "When the dyno was made", "timestamp"),
    Column(
        "attach_url",
        "A way into a running console, and so a secret: shown as `[redacted]`; nil when there is none",
        nullable=True,
        secret=True,
    ),
    Column("id", "Identifier of the dyno"),
    Column("app.id", "Identifier of the app"),
    Column("release.id", "Identifier of the release"),
)

ADDON = (
    Column("name", "Unique on Heroku, such as `postgresql-round-12345`"),
    Column("addon_service.name", "The service, such as `heroku-postgresql`"),
    Column("plan.name", "Service and plan, such as `heroku-postgresql:essential-0`", main=True),
    Column(
        "state",
        "`provisioning`, `provisioned` or `deprovisioned`; Heroku may add others",
        values=("provisioning", "provisioned", "deprovisioned"),
    ),
    Column("app.name", "The app that owns it, which need not be the app that was asked"),
    Column(
        "billed_price.cents",
        "What a unit of time costs; nil when no price is known",
        "integer",
        nullable=True,
        main=True,
    ),
    Column("billed_price.unit", "That unit of time, `month` as a rule", nullable=True, main=True),
    Column(
        "billed_price.contract",
        "Whether a contract sets the price, so that `cents` says nothing",
        "boolean",
        nullable=True,
    ),
    Column("billing_entity.name", "The app or team that pays"),
    Column("billing_entity.type", "Which of the two: `app` or `team`; Heroku may add others"),
    Column("config_vars", "Names of the config vars it sets, never their values", "list"),
    Column("web_url", "Its dashboard; nil until it is provisioned", nullable=True),
    Column("provision_message", "What the provider said when it was made; left out as a rule", nullable=True),
    Column("actions", "What the provider offers in Heroku's dashboard", "list"),
    Column("updated_at", "The last change of the add-on", "timestamp"),
    Column("created_at", "When the add-on was made", "timestamp"),
    Column("provider_id", "Its name at the provider; empty until it is provisioned"),
    Column("id", "Identifier of the add-on, the same in the list of every app that uses it"),
    Column("addon_service.id", "Identifier of the service"),
    Column("plan.id", "Identifier of the plan"),
    Column("app.id", "Identifier of the app that owns it"),
    Column("billing_entity.id", "Identifier of the app or team that pays"),
)

ATTACHMENT = (
    Column("name", "The name by which the app knows the add-on"),
    Column("namespace", "The part of the add-on that the app uses", nullable=True),
    Column("app.name", "The app that uses the add-on"),
    Column("addon.name", "The add-on"),
    Column("addon.app.name", "The app that owns the add-on"),
    Column("log_input_url", "Where the add-on writes logs", nullable=True, secret=True),
    Column("web_url", "Signs in to the add-on", nullable=True, secret=True),
    Column("updated_at", "The last change of the attachment", "timestamp"),
    Column("created_at", "When the add-on was attached", "timestamp"),
    Column("id", "Identifier of the attachment"),
    Column("app.id", "Identifier of the app that uses the add-on"),
    Column("addon.id", "Identifier of the add-on"),
    Column("addon.app.id", "Identifier of the app that owns the add-on"),
)

DOMAIN = (
    Column("hostname", "The host name in full", main=True),
    Column("kind", "`custom` for your own, `heroku` for the one at `herokuapp.com`", main=True),
    Column("status", "How far Heroku is with the DNS target: `none`, `pending`, `succeeded`; no word on certificates"),
    Column("cname", "The DNS target that the host name must point to; nil for the kind `heroku`", nullable=True),
    Column(
        "acm_status",
        "The certificate: `cert issued`, `failing`, `failed` …; nil where Heroku looks after none",
        nullable=True,
        main=True,
    ),
    Column("acm_status_reason", "What is wrong with the certificate; nil when nothing is", nullable=True),
    Column("sni_endpoint.name", "Where the certificate lives; several host names may share one", nullable=True),
    Column("app.name", "The app it leads to", main=True),
    Column("updated_at", "The last change of the domain", "timestamp"),
    Column("created_at", "When the domain was added", "timestamp"),
    Column("id", "Identifier of the domain"),
    Column("app.id", "Identifier of the app"),
    Column("sni_endpoint.id", "Identifier of the place where the certificate lives", nullable=True),
)

COLLABORATOR = (
    Column("user.email", "Who it is; an address at `herokumanager.com` stands for a team", main=True),
    Column(
        "role",
        "`owner`, `admin`, `member` or `collaborator`; Heroku leaves the last one out, here it is read as such",
        nullable=True,
        default="collaborator",
        main=True,
    ),
    Column(
        "permissions",
        "What a team allows this person, each with a `name` and a `description`; left out for personal apps",
        "list",
        nullable=True,
    ),
    Column("user.federated", "Whether a company's single sign-on vouches for this person", "boolean"),
    Column("app.name", "The app", main=True),
    Column("updated_at", "The last change of the access", "timestamp"),
    Column("created_at", "When the access was given", "timestamp"),
    Column("id", "Identifier of the access"),
    Column("user.id", "Identifier of the person"),
    Column("app.id", "Identifier of the app"),
)

ACCOUNT = (
    Column("email", "The address it signs in with"),
    Column("name", "The person's name, where given", nullable=True),
    Column("verified", "Whether Heroku has its billing details", "boolean"),
    Column("two_factor_authentication", "Whether signing in takes a second factor", "boolean"),
    Column("federated", "Whether a company's single sign-on vouches for it", "boolean"),
    Column("identity_provider.name", "Its single sign-on; nil without one", nullable=True),
    Column("identity_provider.owner.name", "Who runs that single sign-on", nullable=True),
    Column("identity_provider.owner.type", "Whether a `team` or an `enterprise-account` runs it", nullable=True),
    Column("identity_provider.team.name", "The team that it belongs to", nullable=True),
    Column("default_team.name", "The team that is chosen when none is named", nullable=True),
    Column("last_login", "The last time it signed in", "timestamp", nullable=True),
    Column("suspended_at", "When Heroku suspended it; nil as a rule", "timestamp", nullable=True),
    Column("delinquent_at", "Since when a bill is unpaid; nil as a rule", "timestamp", nullable=True),
    Column("updated_at", "The last change of the account", "timestamp"),
    Column("created_at", "When the account was made", "timestamp"),
    Column("country_of_residence", "Where the person lives, where given", nullable=True),
    Column("sms_number", "The telephone number for messages, most digits hidden", nullable=True),
    Column("allow_tracking", "Whether Heroku's pages may have others count its visits", "boolean"),
    Column("beta", "Whether it may use features in beta", "boolean"),
    Column("default_organization.name", "The default team once more, under the word Heroku used before", nullable=True),
    Column("identity_provider.organization.name", "The team of the single sign-on once more, likewise", nullable=True),
    Column("id", "Identifier of the account"),
    Column("default_team.id", "Identifier of the default team", nullable=True),
    Column("default_organization.id", "Identifier of the default team once more", nullable=True),
    Column("identity_provider.id", "Identifier of the single sign-on", nullable=True),
    Column("identity_provider.owner.id", "Identifier of who runs it", nullable=True),
)

# The pattern of names is from Heroku's schema. It also keeps other texts, such as `my-app/config-vars`, out of a URL.
_APP_NAME = "[a-z][a-z0-9-]{1,28}[a-z0-9]"
UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def _the_app(of_a_list: str) -> Param:
    return Param(
        name="app_id",
        doc=f"The app's name or UUID; a list of them gives {of_a_list}",
        required=True,
        pattern=f"{_APP_NAME}|{UUID}",
        pattern_doc="an app's name or UUID",
        example="my-app",
        each=("name", "id"),
        listed_at="/apps",
    )


def _function(name: str, **facts: Any) -> Function:
    """Return a function, with what `functions.md` says of it."""
    entry = entries()[name]
    return Function(
        name,
        entry.summary,
        entry.notes,
        subject=entry.subject,
        keywords=entry.keywords,
        aliases=tuple(entry.aliases.split()),
        example=entry.example,
        **facts,
    )


_LIST_APPS = _function(
    "list_apps",
    links=(Link("/apps", scope=READ),),
    returns="list",
    columns=APP,
)

_GET_APP = _function(
    "get_app",
    links=(Link("/apps/{app_id}", scope=READ),),
    returns="record",
    columns=APP,
    params=(_the_app("a list of records"),),
)

_LIST_DYNOS = _function(
    "list_dynos",
    links=(Link("/apps/{app_id}/dynos", scope=READ),),
    returns="list",
    columns=DYNO,
    guarded_parts=("release",),
    own_errors=True,
    params=(_the_app("the dynos of all"),),
)

# Not public: `list_addons` has what an audit needs from it, and its URLs sign in anyone who has them.
_ATTACHMENTS = Function(
    name="list_addon_attachments",
    summary="Which app uses which add-on",
    description="Every attachment of an add-on to an app: the owner's, and those of the apps that it is shared with.",
    links=(Link("/addon-attachments", scope=READ),),
    returns="list",
    columns=ATTACHMENT,
    guarded=True,
    own_errors=True,
)

_LIST_ADDONS = _function(
    "list_addons",
    links=(
        Link(
            "/apps/{app_id}/addons",
            scope=READ,
            bulk=BulkSource(
                path="/addons",
                item="app.id",
                list_items=_LIST_APPS,
                shared_links=_ATTACHMENTS,
                link_item="app.id",
                link_record="addon.id",
            ),
        ),
    ),
    returns="list",
    columns=ADDON,
    params=(_the_app("the add-ons of all"),),
)

_LIST_DOMAINS = _function(
    "list_domains",
    links=(Link("/apps/{app_id}/domains", scope=READ),),
    returns="list",
    columns=DOMAIN,
    guarded_parts=("sni_endpoint",),
    params=(_the_app("the domains of all"),),
)

_LIST_COLLABORATORS = _function(
    "list_collaborators",
    links=(Link("/apps/{app_id}/collaborators", scope=READ),),
    returns="list",
    columns=COLLABORATOR,
    params=(_the_app("the collaborators of all"),),
)

_GET_CURRENT_USER = _function(
    "get_current_user",
    links=(Link("/account", scope=IDENTITY),),
    returns="record",
    columns=ACCOUNT,
    guarded_parts=("identity_provider",),
)

# Stacks: Heroku's API has no dates of their support, it only says which stacks there are today and which of them are
# deprecated. This table is written by hand from Heroku's announcements; `AS_OF` is when it was last compared with them.
AS_OF = date(2026, 11, 28)
MAX_AGE_DAYS = 180
MIN_DAYS_LEFT = 60  # until the last day in the table
SOURCE = "https://devcenter.heroku.com/articles/heroku-26-stack"  # and https://github.com/heroku/roadmap/issues/355

# Of each stack: the first and the last day of support; None if it is not stated or if there is none.
_SUPPORT: dict[str, tuple[str | None, str | None]] = {
    "heroku-16": (None, "2021-04-30"),
    "heroku-18": (None, "2023-04-30"),
    "heroku-20": (None, "2025-04-30"),
    "heroku-22": (None, "2027-04-30"),
    "heroku-24": (None, "2029-04-30"),
    "heroku-26": ("2026-05-20", "2031-04-30"),
    "cnb": (None, None),  # the base image of Cloud Native Buildpacks, which an app chooses itself
    "container": (None, None),  # the app's own Docker image
}
# What happens to builds on a stack, each from a day on.
_BUILDS: dict[str, tuple[tuple[str, str], ...]] = {
    "heroku-16": (("2021-05-01", "not possible"),),
    "heroku-18": (("2023-05-01", "not possible"),),
    "heroku-20": (("2025-05-01", "not possible"),),
    "heroku-22": (
        ("2026-11-01", "fail 1 in 30 days"),
        ("2027-02-01", "fail 1 in 7 days"),
        ("2027-04-01", "fail once a day"),
        ("2027-05-01", "not possible"),
    ),
}


def stack_dates(today: date, own: Mapping[str, Mapping[str, Any]]) -> tuple[list[dict[str, Any]], Sequence[str]]:
    """Return the table, with a note if it is old on a day, or if the last day that it knows is near or past.

    Parameters:
        today: the day.
        own: the stacks whose days the user has set, which take the place of those of this package.
    """
    as_of = AS_OF.isoformat()
    records: dict[str, dict[str, Any]] = {
        stack: {
            "stack": stack,
            "supported_from": first,
            "supported_until": last,
            "builds": [{"since": since, "builds": builds} for since, builds in _BUILDS.get(stack, ())],
            "as_of": as_of,
            "source": SOURCE,
        }
        for stack, (first, last) in _SUPPORT.items()
    }
    for stack, row in own.items():
        records[stack] = {
            "stack": stack,
            **{name: str(day) if (day := row.get(name)) else None for name in ("supported_from", "supported_until")},
            "builds": [{"since": str(change["since"]), "builds": change["builds"]} for change in row.get("builds", ())],
            "as_of": str(row["as_of"]),
            "source": row.get("source", "config.toml"),
        }
    oldest = min(records.values(), key=itemgetter("as_of"))
    starts = [change["since"] for row in records.values() for change in row["builds"]]
    days = [day for day in (*(row["supported_until"] for row in records.values()), *starts) if day]
    age, last = (today - date.fromisoformat(oldest["as_of"])).days, max(days)
    is_ending = (date.fromisoformat(last) - today).days < MIN_DAYS_LEFT
    ending = f", the last day in them is {last}" if is_ending else ""
    note = (
        f"The dates of stacks are of {oldest['as_of']}, {age:,} days ago{ending}, and Heroku may have others by now: "
        f"{oldest['source']}"
    )
    return [*records.values()], [note] if age > MAX_AGE_DAYS or is_ending else []


LIST_STACK_DATES = _function(
    "list_stack_dates",
    local=stack_dates,
    setting="stacks",
    in_snapshot=False,
    links=(),
    returns="list",
    columns=(
        Column("stack", "The name of the stack", main=True),
        Column("supported_from", "The first day of its support, where Heroku states it", nullable=True),
        Column("supported_until", "The last day of its support; nil for one without such a day", nullable=True),
        Column(
            "builds",
            "What happens to builds, each `since` a day; the last one that has begun counts",
            "list",
            items=(Column("since", "The first day"), Column("builds", "Such as `fail 1 in 7 days` or `not possible`")),
        ),
        Column("as_of", "The day on which the table was last compared with its source"),
        Column("source", "Where Heroku announced it"),
    ),
)

FUNCTIONS = (
    _LIST_APPS,
    _GET_APP,
    _LIST_DYNOS,
    _LIST_ADDONS,
    _LIST_DOMAINS,
    _LIST_COLLABORATORS,
    _GET_CURRENT_USER,
)
BY_HAND = {function.name: function for function in (*FUNCTIONS, LIST_STACK_DATES)}
