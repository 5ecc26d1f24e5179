"""Names that a shell completes: what a command listed in the last minutes, in files that only their owner can read.

A command during which `list_apps` returned a list writes the names of its records. Completing `--app-id` reads them,
and sends nothing. There is a file for each list, named by a digest of the service, the account's alias and address, and
the function; no token is used for it. The names are third-party text, so only plain words are read.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmo_kernel.catalogue import Function, Integration
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.safety.redaction import redact
from kosmo_kernel.safety.text import is_plain_word
from kosmo_kernel.settings.config_file import user_folder
from kosmo_kernel.text import normalize_alias

if TYPE_CHECKING:
    from kosmo_kernel.session import Session

MAX_AGE_SECONDS = 300.0
MAX_NAMES = 20_000
MAX_NAME_LENGTH = 200  # characters
MAX_FILE_BYTES = 8 << 20
SUFFIX = ".json"


def keep_names(session: Session) -> None:
    """Write the names in the lists that a session got since this was last called."""
    lists = session.take_new_lists()
    if not lists:
        return
    from kosmo_kernel.integrations import find

    for (name, function, alias), records in lists.items():
        integration = find(name)
        names = [_label_and_id(integration, record) for record in records[:MAX_NAMES]]
        # A home that cannot be written to, or settings that became invalid, leave no names to complete; the command
        # itself succeeded.
        with suppress(KosmoError, OSError, RuntimeError):
            _write(_file(integration, integration.function(function), alias), names)


def listed_names(integration: Integration, function: Function, alias: str) -> list[dict[str, str]]:
    """Return the records of a list that was written lately, with their names and ids.

    There are none if no list was written, or if others can access the file.
    """
    from kosmo_kernel.settings.private_files import GROUP_AND_OTHERS

    try:
        file = _file(integration, function, alias)
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, encoding="utf-8") as opened:
            status = os.fstat(descriptor)
            is_own = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid()
            if not is_own or status.st_mode & GROUP_AND_OTHERS or not _is_fresh(status):
                return []
            names = json.loads(opened.read(MAX_FILE_BYTES))
    except (KosmoError, OSError, RuntimeError, ValueError):  # no file yet, a broken one, or a wrong setting: no names
        return []
    records = names if isinstance(names, list) else []
    return [_label_and_id(integration, record) for record in records if isinstance(record, dict)]


def _label_and_id(integration: Integration, record: Mapping[str, Any]) -> dict[str, str]:
    """Return the name and the id of a record, as far as they are plain words."""
    fields = {field: record.get(field) for field in (*integration.labels, "id")}
    texts = {
        field: value for field, value in fields.items() if isinstance(value, str) and len(value) <= MAX_NAME_LENGTH
    }
    return {field: text for field, text in texts.items() if is_plain_word(text) and redact(text) == text}


def _file(integration: Integration, function: Function, alias: str) -> Path:
    import hashlib  # it loads OpenSSL, which not every start needs

    from kosmo_kernel import accounts

    url = integration.base_url if accounts.is_demo(alias) else accounts.address(integration, alias)
    parts = [integration.name, normalize_alias(alias), url, function.name]
    return user_folder("cache") / "names" / (hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32] + SUFFIX)


def _write(file: Path, names: Sequence[Mapping[str, str]]) -> None:
    """Write names to a file, and delete the files of lists that are too old to be used."""
    from kosmo_kernel.settings.private_files import write

    write(file, json.dumps(names), durable=False)
    for other in file.parent.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):  # another command deletes it as well
            if not _is_fresh(other.lstat()):
                other.unlink()


def _is_fresh(status: os.stat_result) -> bool:
    return abs(time.time() - status.st_mtime) <= MAX_AGE_SECONDS
