"""Which fields are secret in a service that nobody reviewed: those whose names say so, and values of variables.

Closed by default: a field one of whose words is `token`, `secret` and the like is secret in every response, declared
or not. So is the value of an environment variable, which has the name of its variable beside it.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from kosmo_kernel.catalogue.documents.names import snake_case
from kosmo_kernel.text.patterns import lazy_pattern

_WORDS = {"token", "tokens", "secret", "secrets", "password", "passwords", "passphrase", "credential", "credentials"}
_PAIRS = {(kind, key) for kind in ("private", "api", "access") for key in ("key", "keys")}
_RUN_TOGETHER = lazy_pattern(r"(?:^|_)(?:apikey|accesskey|privatekey|passwd|pwd)(?:_|$)")
# Positions in lists, which have the word and are no secrets.
_POSITION = lazy_pattern(r"(?:^|_)(?:next|prev|previous|page|continuation|sync)_(?:page_)?token$")
_VARIABLES = lazy_pattern(r"(?:^|_)(?:env|envs|env_?vars?|environment_?variables?|config_?vars?|variables?)(?:_|$)")
_VALUE = "value"


@lru_cache(maxsize=10_000)
def is_secret_name(name: str) -> bool:
    """Return whether the name of a field says that its value is a secret."""
    snake = snake_case(name)
    if _POSITION.search(snake):
        return False
    words = snake.split("_")
    pairs = set(pairwise(words))
    return bool(_WORDS & set(words) or _PAIRS & pairs or _RUN_TOGETHER.search(snake))


def holds_variables(subject: str) -> bool:
    """Return whether records of this subject, a path or the name of a field, are variables with values."""
    return bool(_VARIABLES.search(snake_case(subject)))


def is_secret(subject: str, field: str) -> bool:
    """Return whether a field of a record is secret.

    Parameters:
        subject: the path of the records.
        field: its dotted name.
    """
    *above, leaf = field.replace("[]", "").split(".")
    if is_secret_name(leaf):
        return True
    return leaf == _VALUE and (any(map(holds_variables, above)) or (not above and holds_variables(subject)))
