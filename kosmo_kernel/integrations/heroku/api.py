"""The HTTP of Heroku's Platform API: pages, errors and the request budget."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kosmo_kernel.catalogue.http import ErrorBody, PageRequest, Response, TokenScopes
from kosmo_kernel.integrations.heroku.scopes import SCOPES

PAGE_SIZE = 1000  # records; the maximum of one page
_FORBIDDEN = 403


def newest_page(order: str, count: int) -> PageRequest:
    """Return the request for the last records by a field (Heroku's reference, "Ranges")."""
    return PageRequest(headers={"Range": f"{order} ..; order=desc, max={count}"})


def read_error(reply: Response) -> ErrorBody | None:
    """Return the content of an error, `{"id", "message", "url"}`; None if the body is something else."""
    import json  # only an error needs it

    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        return None
    texts = {key: value for key in ("id", "url") if isinstance(value := body.get(key), str)}
    id_ = texts.get("id")
    return ErrorBody(
        id_,
        body["message"].strip(),
        texts.get("url"),
        second_factor=id_ is not None and "two_factor" in id_,
        resource=resource if isinstance(resource := body.get("resource"), str) else None,
        scopes=_scopes(reply),
    )


def read_budget(reply: Response) -> int | None:
    """Return the number in `{"remaining": 2399}`; this request costs nothing (Heroku's schema, "Rate Limit")."""
    import json  # only a question about the budget needs it

    try:
        remaining = json.loads(reply.body)["remaining"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return remaining if isinstance(remaining, int) else None


def _scopes(reply: Response) -> TokenScopes | None:
    """Return the scopes of the token and those that it would need, if they are why it was refused.

    Heroku's message does not name them, its headers do. Only names of scopes are taken from there.
    """
    granted, accepted = (_words(reply.headers, name) for name in ("oauth-scope", "oauth-scope-accepted"))
    if reply.status != _FORBIDDEN or not granted or not accepted or granted & accepted:
        return None
    return TokenScopes(tuple(sorted(granted, key=SCOPES.index)), tuple(sorted(accepted, key=SCOPES.index)))


def _words(headers: Mapping[str, str], name: str) -> set[str]:
    return set(SCOPES) & set(re.findall(r"[^\s,]+", headers.get(name, "")))
