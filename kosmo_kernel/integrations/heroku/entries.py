"""What is said by hand about each function: its name, a summary, and what surprises, from `functions.md`.

The links of a function that is made from the facts follow from its name: those of `list_releases` are the links with
GET that Heroku's schema has for `release` and that return a list, `release list`. Others are named, also one link by
its path, `/teams/{team.identity}/apps`. A link belongs to one entry. Those of `LEFT_OUT` belong to none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from kosmo_kernel.catalogue.integration import FunctionSummary

_FILE = os.path.join(os.path.dirname(__file__), "functions.md")


class FunctionEntry(Struct, frozen=True):
    """The hand-written part of a function. In the file, `- query.day: …` is what is said of the parameter `day`."""

    name: str  # of the function
    summary: str  # what it is about, one short line
    notes: str  # what surprises; of a function that is written by hand its description
    subject: str  # the group that it belongs to
    example: str = ""  # of a function that is written by hand
    links: str = ""  # its links, separated by commas; empty for those that its name says
    newest: str = ""  # the field by which Heroku orders the last records first, if it can
    # Sentences about parameters in the URL's query, with an example as code; the schema does not list all.
    query: Mapping[str, str] = {}
    docs: Mapping[str, str] = {}  # sentences about fields whose names do not say it all
    main: str = ""  # the fields that come first, and that a narrow table shows
    names: Mapping[str, str] = {}  # other names of parameters, by the resource that they identify
    fingerprints: bool = False  # it has names and fingerprints of secret values
    in_snapshot: bool = False  # audits and comparisons read it, so that a snapshot has it
    in_whole_snapshot: bool = False  # a snapshot of everything has this record, which is in no list
    keywords: str = ""  # words of questions that it answers and that its name does not have
    aliases: str = ""  # other names
    addons: str = ""  # the add-ons that it takes, in words, where it takes some only

    @property
    def link_specs(self) -> list[str]:
        """Return its links, each by its path, or by the resource that has it and what it returns."""
        if self.links:
            return self.links.split(", ")
        verb, _, words = self.name.partition("_")
        if verb == "list":
            words = f"{words.removesuffix('ies')}y" if words.endswith("ies") else words.removesuffix("s")
        resource = words.replace("addon", "add-on").replace("_", "-")
        return [f"{resource} {'list' if verb == 'list' else 'record'}"]


# The names of parameters that identify a record, where another one than the resource's.
PLACES = {
    "app": "app_id",
    "team-app": "app_id",
    "pipeline": "pipeline_id",
    "add-on": "addon_id",
    "account": "user",
    "team": "team",
    "enterprise-account": "enterprise",
    "user-preferences": "user",
    "team-preferences": "team",
    "team-app-collaborator": "collaborator",
    "team-member": "member",
    "add-on-attachment": "attachment",
    "formation": "process_type",
    "account-feature": "feature",
    "app-feature": "feature",
    "team-feature": "feature",
    "team-invoice": "invoice",
    "app-webhook": "webhook_id",
    "app-webhook-delivery": "delivery_id",
    "app-webhook-event": "event_id",
    "peering": "peering_id",
}

# Values of parameters in examples that Heroku or the demo account has a fixed name for, besides apps.
EXAMPLES = {
    "user": "~",
    "pipeline_promotion_id": "ce72e6c2-edac-5cff-a315-07a7d1b135cd",  # Heroku has no list of promotions
    "year": "2026",
    "addon_service": "heroku-postgresql",
    "dyno_size": "Standard-1X",
    "generation": "cedar",
    "process_type": "web",
    "region": "eu",
    "stack": "heroku-24",
    "addon_id": "postgresql-octagonal-11373",
}
# The app of the demo account in examples, where `my-app` has no such thing.
EXAMPLE_APPS = {
    **dict.fromkeys(("team-app", "team-app-collaborator"), "booking-api"),  # of a team
    **dict.fromkeys(("oci-image", "telemetry-drain"), "depot-board"),  # of the Fir generation
    "review-app": "van-telemetry",
    **dict.fromkeys(("log-drain", "app-webhook", "app-webhook-delivery", "app-webhook-event"), "parcel-tracker"),
}
# Where there are records of a resource that Heroku has no list of: the path of a list, and the place in its records.
FOUND_IN = {
    "app-setup": ("/pipelines/{pipeline.id}/review-apps", ".app_setup"),
    "oci-image": ("/apps/{app.identity}/releases", ".artifacts[1]"),
    "slug": ("/apps/{app.identity}/releases", ".slug"),
}

# Links without a function, each with the reason.
LEFT_OUT = {
    "/teams/invitations/{team-invitation.token}": "It is found by the token of an invitation, which lets anybody in; "
    "`list_team_invitations` has the invitation.",
}


def thing(resource: str) -> str:
    """Return the word of names for a resource: `addon_service` for `add-on-service`."""
    return resource.replace("add-on", "addon").replace("-", "_")


def summaries() -> list[FunctionSummary]:
    """Return the summary of each function by subject; none is made for that."""
    return [
        FunctionSummary(entry.name, entry.subject, entry.summary, tuple(entry.aliases.split()))
        for entry in entries().values()
    ]


@cache
def entries() -> dict[str, FunctionEntry]:
    """Return all entries by name, in the order of the reference."""
    with open(_FILE, encoding="utf-8") as file:
        chapters = file.read().split("\n# ")[1:]
    by_name = {}
    for chapter in chapters:
        subject, *sections = chapter.split("\n## ")
        for section in sections:
            entry = _entry(subject.strip(), section)
            by_name[entry.name] = entry
    return by_name


def _entry(subject: str, section: str) -> FunctionEntry:
    head, _, text = section.partition("\n\n")
    name, summary, *lines = head.splitlines()
    facts: dict[str, Any] = {}
    for line in lines:
        key, _, value = line.removeprefix("- ").partition(": ")
        fact, _, field = key.partition(".")
        if field:
            facts.setdefault(fact, {})[field] = value
        else:
            facts[fact] = value or True
    notes, _, example = text.partition("```lua\n")
    return FunctionEntry(name, summary, notes.strip(), subject, example.removesuffix("```\n"), **facts)
