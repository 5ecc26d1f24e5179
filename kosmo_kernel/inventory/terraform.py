"""Write Terraform import blocks for the resources that a service names.

Each resource is imported by the identifier that the provider's documentation names. Names of resources are identifiers
made of the names in the account. Texts are quoted, so that no name can end a string or begin a template.
"""

from __future__ import annotations

import re
from collections import Counter

from kosmo_kernel.catalogue.inventory import Import
from kosmo_kernel.inventory.source import AccountData
from kosmo_kernel.inventory.tables import facts
from kosmo_kernel.safety.text import HIDDEN, code_point_escape

FILE, PROVIDER_FILE = "imports.tf", "provider.tf"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNPRINTABLE = re.compile(rf'[\\"\x00-\x1f{HIDDEN}]')


def import_file(data: AccountData) -> str:
    """Return the text of `imports.tf`."""
    terraform = facts().terraform
    found = list(terraform.imports(data))
    counts = Counter(one.resource for one in found)
    total = ", ".join(f"{count:,} {resource}" for resource, count in sorted(counts.items())) or "nothing"
    lines = [
        f"# Import blocks for Terraform 1.5 or newer and the provider {terraform.provider}: {total}.",
        "#",
        "#   terraform init",
        "#   terraform plan -generate-config-out=generated.tf",
        "#",
        "# The first command needs provider.tf, which is beside this file. Terraform imports no values of config vars.",
        f"# Left out: {terraform.left_out(data)}.",
    ]
    if missing := sorted({one["table"] for one in data.failures}):
        lines.append(f"# Not read, and so not here: {', '.join(missing)}.")
    taken: set[tuple[str, str]] = set()
    for one in found:
        label = _label(one, taken)
        lines += ["", "import {", f"  to = {one.resource}.{label}", f"  id = {quoted(one.identifier)}", "}"]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Return a text as a string of Terraform's language."""
    escaped = _UNPRINTABLE.sub(lambda match: _ESCAPES.get(match[0]) or code_point_escape(match[0]), text)
    return f'"{escaped.replace("${", "$${").replace("%{", "%%{")}"'


def _label(one: Import, taken: set[tuple[str, str]]) -> str:
    """Return an identifier that no other resource of this type has."""
    plain = _NOT_IN_A_NAME.sub("_", one.name).strip("_").lower()
    if not plain or not plain[0].isalpha():
        plain = f"_{plain}"
    label, number = plain, 1
    while (one.resource, label) in taken:
        number += 1
        label = f"{plain}_{number}"
    taken.add((one.resource, label))
    return label
