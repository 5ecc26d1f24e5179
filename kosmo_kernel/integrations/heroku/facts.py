"""The facts about everything that can be read from Heroku: `facts.json` and `data_facts.json`.

`__main__.py` makes the first from Heroku's schema, as `schema.py` describes. The second has the API of databases, of
which there is no schema, and is written by hand in the same form. They are read when the first function is needed that
is made from them.

Rules for fields and for resources, with the reason for each exception, say what is secret. `__main__.py` applies them
when it writes the file, so that they hold for a newer schema from the first day.

A field is secret if its name says so. So is an object of any content: the `data` of an event of the audit trail has
what was changed, a webhook's payload the whole thing that changed, and what is in it depends on the event.

A resource is guarded if it holds secrets: if its name says so, if it has a secret field, or if it has a field about a
certificate or a key. Of its records only the fields that the table knows go further, because Heroku may add a field
that the schema does not declare yet. The same applies to an object in another record that has the name of a guarded
resource, such as the `sni_endpoint` of a domain.

The client replaces a secret by `[redacted]` in the process that received it. Of an address that people need to know,
the host is kept in a field of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct, convert, json

from kosmo_kernel.integrations.heroku.fields import BARE, HOST, SECRET, FieldFact, read_field
from kosmo_kernel.text import lazy_pattern

FILE = Path(__file__).with_name("facts.json")
DATA_FILE = Path(__file__).with_name("data_facts.json")  # of the data API, by hand: Heroku publishes no schema of it

_PLACE = lazy_pattern(r"\{([\w-]+\.[\w-]+)\}")


class LinkFact(Struct, frozen=True, rename={"owner": "subject", "resource": "record"}):
    """A link with GET."""

    owner: str  # the resource where Heroku lists it
    path: str  # with places such as `{app.identity}`
    returns: str  # `list` or `record`
    resource: str  # what it returns
    order: tuple[str, ...] = ()  # the fields that Heroku can order its records by, as far as the schema says
    params: tuple[dict[str, Any], ...] = ()  # of the path with their `ways`, and of the query
    stability: str = "production"  # or `development`, `prototype`, or `unpublished`
    host: str = ""  # the name of the host that has it; empty for that of the Platform API
    plans: str = ""  # the pattern of the plans of the add-ons that it is for; empty for any
    sends: str = ""  # what is sent in the query in any case
    optional: bool = False  # status 404 says that there is nothing

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names of the places in the path, such as `app.identity`."""
        return tuple(_PLACE.findall(self.path))

    @property
    def query(self) -> dict[str, bool]:
        """The parameters of the query: whether each is required."""
        return {param["name"]: "required" in param for param in self.params if "sent" in param}


class Facts:
    """A table of facts."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.guarded: Collection[str] = table["guarded"]  # the resources of whose records only known fields go further
        self.links = convert(table["functions"], tuple[LinkFact, ...])
        self.parameters: Mapping[str, list[str]] = {
            # A parameter that is no field of the schema, such as the token of an invitation, is any text.
            param["name"]: param["ways"] or [f"{param['name'].partition('.')[2]} string"]
            for link in self.links
            for param in link.params
            if "ways" in param
        }
        self._records: Mapping[str, Mapping[str, str]] = table["records"]

    @cached_property
    def list_paths(self) -> dict[str, str]:
        """The path of the list of each resource's records that needs the fewest others."""
        lists = [link for link in self.links if link.returns == "list"]
        lists.sort(key=lambda link: (-len(link.placeholders), link.owner == link.resource))
        return {link.resource: _PLACE.sub("{}", link.path) for link in lists}  # the last one of a resource counts

    def fields(self, resource: str) -> list[FieldFact]:
        """Return the fields of a resource, in the order of their names."""
        return [read_field(name, line) for name, line in self._records.get(resource, {}).items()]


@cache
def facts() -> Facts:
    """Return the table that belongs to this package: that of the Platform API, with that of the data API."""
    platform, data = json.decode(FILE.read_bytes()), data_facts()
    tables = {key: [*platform[key], *data[key]] for key in ("functions", "guarded")}
    return Facts({**tables, "records": {**platform["records"], **data["records"]}})


@cache
def data_facts() -> Mapping[str, Any]:
    """Return the table of the data API."""
    table: Mapping[str, Any] = json.decode(DATA_FILE.read_bytes())
    return table


# What is secret ------------------------------------------------------------------------------------------------------

# The last word of a field's name that makes its value a secret. An address is one: whoever knows it may get in, as
# Heroku signs addresses, and people write passwords and tokens into their own.
_SECRET_NAME = lazy_pattern(r"(?:^|_)(?:url|uri|endpoint|token|secret|password|code|key|value|headers)$")

# Fields that the rules would get wrong, by resource and name (`*`: any resource), with their mark and the reason.
EXCEPTIONS: dict[tuple[str, str], tuple[str, str]] = {
    ("*", "doc_url"): ("", "a page of Heroku's documentation"),
    ("app", "git_url"): ("", "made of the app's name; pushing there takes a token"),
    ("team-app", "git_url"): ("", "made of the app's name; pushing there takes a token"),
    ("app", "web_url"): ("", "the public address of the app"),
    ("team-app", "web_url"): ("", "the public address of the app"),
    ("add-on", "web_url"): ("", "the add-on's dashboard, which asks its visitor to sign in at Heroku"),
    ("add-on", "actions[].url"): ("", "a template of the provider, the same for every customer"),
    ("*", "buildpacks[].url"): (BARE, "a repository, which audits need; some have a token before the host"),
    ("buildpack-installation", "buildpack.url"): (BARE, "a repository, which audits need; some have a token in it"),
    ("buildpack-installation", "buildpack.name"): (BARE, "the address again, if the buildpack has no name"),
    ("*", "buildpacks[].name"): (BARE, "the address again, if the buildpack has no name"),
    ("identity-provider", "slo_target_url"): (BARE, "where a browser is sent to sign out, known to all members"),
    ("identity-provider", "sso_target_url"): (BARE, "where a browser is sent to sign in, known to all members"),
    ("*", "client.redirect_uri"): (BARE, "where a browser is sent after signing in, known to every user"),
    ("oauth-client", "redirect_uri"): (BARE, "where a browser is sent after signing in, known to every user"),
    ("key", "public_key"): ("", "the public half of a pair of keys"),
    ("*", "postal_code"): ("", "a place"),
    ("log-drain", "url"): (HOST, "whoever knows it can write to the logs' receiver; audits ask for the host"),
    ("app-webhook", "url"): (HOST, "whoever knows it can send events to the receiver; audits ask for the host"),
    ("add-on-webhook", "url"): (HOST, "whoever knows it can send events to the receiver; audits ask for the host"),
    ("telemetry-drain", "exporter.endpoint"): (HOST, "as for log drains"),
    ("app-setup", "postdeploy.output"): (SECRET, "what a script of the app printed, config vars perhaps among it"),
    ("oci-image", "process_types"): ("", "the commands of its process types, which the formation has as well"),
}

# A word of a resource's name that makes it one that holds secrets.
_SECRET_THING = lazy_pattern(
    r"\b(?:archive|authorization|certificate|config|credential|drain|endpoint|identity-provider|invitation|key|oauth|"
    r"password|peering|secret|sni|ssl|token|vpn|webhook)s?\b"
)
# A word of a field's name that makes a resource one that holds secrets, although the field itself is none.
_CERTIFICATE_FIELD = lazy_pattern(r"(?:^|[._])(?:cert|certificate|key|password|secret|ssl|token)(?:[._]|$)")

# Resources that the rule would get wrong: whether each is guarded, and the reason.
GUARD_EXCEPTIONS: dict[str, tuple[bool, str]] = {
    "dyno": (False, "its one secret is the address of a console; audits need new fields of the rest"),
    "test-case": (True, "its texts are the output of a test run, and may have what a test printed"),
}


def is_guarded(resource: str, marks: Mapping[str, str]) -> bool:
    """Return whether a resource holds secrets, so that only known fields of its records go further.

    Errors and warnings about it do not quote Heroku either.

    Parameters:
        resource: its name.
        marks: the mark of each of its fields by dotted name; empty for a field that is not secret.
    """
    if resource in GUARD_EXCEPTIONS:
        return GUARD_EXCEPTIONS[resource][0]
    return bool(
        _SECRET_THING.search(resource)
        or any(marks.values())
        or any(_CERTIFICATE_FIELD.search(field) for field in marks)
    )


def guarded_parts(fields: Iterable[str]) -> tuple[str, ...]:
    """Return the dotted names of the objects in a record that have the name of a guarded resource.

    An object in such an object is not listed, because it is a part of it.

    Parameters:
        fields: the dotted names of the fields of the record, without those of the items of lists.
    """
    names = {resource.replace("-", "_") for resource in facts().guarded}
    parts: dict[str, None] = {}
    for field in fields:
        *parents, _ = field.split(".")
        part = next((n for n, key in enumerate(parents, 1) if key in names), 0)
        if part:
            parts[".".join(parents[:part])] = None
    return tuple(parts)


def mark(resource: str, field: str, *, has_any_content: bool = False) -> str:
    """Return the mark of a field: `SECRET`, `HOST`, `BARE`, or empty for one that is not secret.

    Parameters:
        resource: what has the field.
        field: its dotted name.
        has_any_content: it is an object of which the schema does not say what is in it.
    """
    for owner in (resource, "*"):
        if (owner, field) in EXCEPTIONS:
            return EXCEPTIONS[owner, field][0]
    return SECRET if has_any_content or _SECRET_NAME.search(field.rpartition(".")[2]) else ""
