"""The secrets in Heroku's records: two rules, and their exceptions with the reason for each.

A field is secret if its name says so. So is an object of any content: the `data` of an event of the audit trail has
what was changed, a webhook's payload the whole thing that changed, and what is in it depends on the event.

`schema.py` applies this when it writes the table of facts, so that it holds for a newer schema from the first day. The
client replaces a secret by `[redacted]` in the process that received it. Of an address
that people need to know, the host is kept in a field of its own.
"""

from __future__ import annotations

import re

# The last word of a field's name that makes its value a secret. An address is one: whoever knows it may get in, as
# Heroku signs addresses, and people write passwords and tokens into their own.
_SECRET_NAME = re.compile(r"(?:^|_)(?:url|uri|endpoint|token|secret|password|code|key|value|headers)$")

SECRET = "secret"  # noqa: S105 - the mark of a field, not a secret
HOST = "secret, host kept"  # the address is secret, the host that it leads to is not
BARE = "without credentials"  # an address whose user, password and query are removed

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

# Things that hold secrets. Of these only the fields that the table knows go further, and what Heroku says in errors and
# warnings about them is not repeated.
GUARDED = frozenset(
    {
        *("add-on-config", "config-var", "pipeline-config-var"),  # values of config vars
        *("oauth-authorization", "oauth-client"),  # tokens, and what makes them
        *("log-drain", "telemetry-drain"),  # addresses with passwords, and headers with tokens
        *("app-webhook", "add-on-webhook", "app-webhook-delivery", "app-webhook-event"),  # addresses and payloads
        *("vpn-connection", "identity-provider"),  # pre-shared keys and certificates
        *("app-setup", "build", "pipeline-build", "release", "slug"),  # signed addresses of sources, slugs and logs
        *("test-run", "test-node", "test-case"),  # the same for tests, and ways into their dynos
        "archive",  # a signed address of an account's history
    }
)


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
