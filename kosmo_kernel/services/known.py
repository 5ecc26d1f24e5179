"""List services that are known by name: where their documents are, and what these do not say, each with its source."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit


class KnownService(NamedTuple):
    """The known facts of a service."""

    title: str
    host: str  # of its API, by which a document is recognized; hosts below it count, too
    document: str  # the address of its API document
    variable: str  # the environment variable with its token
    token_help: str
    headers: dict[str, str] = {}
    request_id: str = "x-request-id"
    has_links: bool = False  # every list with pages has a `Link` header
    takes_token_everywhere: bool = False  # also where the document names another kind of authentication
    prefix: str = ""  # what precedes a token in its header, where the document does not say it as data

    def is_at(self, url: str) -> bool:
        """Return whether an address belongs to the API of this service."""
        host = urlsplit(url).hostname or ""
        return host == self.host or host.endswith(f".{self.host}")


# Nothing here was tried with a token. The documents were read, and each list in them was held against look-alikes: all
# as of 2026, but Cloudflare's as of August 2024 and Fly's as of February 2024, of whose newer ones parts were read. The
# document of Render (api-docs.render.com/openapi/render-public-api-1.json) could not be read as a whole, so Render is
# not among them.
KNOWN = {
    # "Make API calls" in developers.cloudflare.com/fundamentals/api: the variable, and that all requests take the
    # token; most operations of the document name the older key only.
    "cloudflare": KnownService(
        "Cloudflare",
        "api.cloudflare.com",
        "https://raw.githubusercontent.com/cloudflare/api-schemas/main/openapi.json",
        "CLOUDFLARE_API_TOKEN",
        "Cloudflare's dashboard, My Profile, API Tokens makes a token; one that reads is enough",
        request_id="cf-ray",
        takes_token_everywhere=True,
    ),
    # The description of the security scheme in the document: the form of the header. Variable and kind of token:
    # fly.io/docs/machines/api/working-with-machines-api, blueprints/observability-for-user-apps. Address of the
    # document: fly.io/agent-skills/fly-machines-api.
    "fly": KnownService(
        "Fly Machines",
        "api.machines.dev",
        "https://docs.machines.dev/openapi.json",
        "FLY_API_TOKEN",
        "fly tokens create readonly makes a token that reads",
        request_id="fly-request-id",
        prefix="Bearer ",
    ),
    # docs.github.com, "Using pagination in the REST API": the link header leads to the next page, also of lists with
    # cursors, whose descriptions do not say so. "Getting started": the media type and the version of the API.
    "github": KnownService(
        "GitHub",
        "api.github.com",
        "https://raw.githubusercontent.com/github/rest-api-description/main/descriptions/api.github.com/api.github.com.json",
        "GITHUB_TOKEN",
        "https://github.com/settings/personal-access-tokens makes a token; one that reads is enough",
        {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
        "x-github-request-id",
        has_links=True,
    ),
    # The description of `api_key` in PagerDuty's document (github.com/PagerDuty/api-schema, reference/REST): the form
    # of the header; the document has the address, and the media type as a default. The variable is that of PagerDuty's
    # provider for Terraform.
    "pagerduty": KnownService(
        "PagerDuty",
        "api.pagerduty.com",
        "https://raw.githubusercontent.com/PagerDuty/api-schema/main/reference/REST/openapiv3.json",
        "PAGERDUTY_TOKEN",
        "PagerDuty, Integrations, API Access Keys makes a key; a read-only one is enough",
        prefix="Token token=",
    ),
    # docs.sentry.io/api/pagination: each list with a cursor has `Link` headers, also after its last page, with
    # `results="false"`. Variable: docs.sentry.io/cli/configuration. The document's address is that of the region `us`.
    "sentry": KnownService(
        "Sentry",
        "sentry.io",
        "https://raw.githubusercontent.com/getsentry/sentry-api-schema/main/openapi-derefed.json",
        "SENTRY_AUTH_TOKEN",
        "Sentry, Settings, Auth Tokens makes a token; --url https://de.sentry.io names the region of the EU",
        has_links=True,
    ),
}
DOCUMENT_HOSTS = frozenset(urlsplit(service.document).netloc for service in KNOWN.values())
