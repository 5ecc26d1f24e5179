"""List facts of services that their documents do not say, each with its source."""

from __future__ import annotations

from typing import NamedTuple


class KnownService(NamedTuple):
    """The known facts of a service."""

    title: str
    url: str  # of its API, by which a document is recognized
    variable: str  # the environment variable with its token
    token_help: str
    headers: dict[str, str] = {}
    request_id: str = "x-request-id"
    has_links: bool = False  # every list with pages has a `Link` header
    prefix: str = ""  # what precedes a token in its header, where the document does not say it as data


KNOWN = {
    # docs.github.com, "Using pagination in the REST API": the link header leads to the next page, also of lists with
    # cursors, whose descriptions do not say so. "Getting started": the media type and the version of the API.
    "github": KnownService(
        "GitHub",
        "https://api.github.com",
        "GITHUB_TOKEN",
        "https://github.com/settings/personal-access-tokens makes a token; one that reads is enough",
        {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
        "x-github-request-id",
        has_links=True,
    ),
    # The description of `api_key` in PagerDuty's document (github.com/PagerDuty/api-schema, reference/REST): the form
    # of the header; the document has the address, and the media type as a default. The variable is that of PagerDuty's
    # provider for Terraform. Read in these sources, not tried with a token.
    "pagerduty": KnownService(
        "PagerDuty",
        "https://api.pagerduty.com",
        "PAGERDUTY_TOKEN",
        "PagerDuty, Integrations, API Access Keys makes a key; a read-only one is enough",
        prefix="Token token=",
    ),
}
