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
    imports = list(terraform.imports(data))
    counts = Counter(item.resource for item in imports)
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
    if missing := sorted({item["table"] for item in data.failures}):
        lines.append(f"# Not read, and so not here: {', '.join(missing)}.")
    labels: set[tuple[str, str]] = set()
    for item in imports:
        label = _label(item, labels)
        lines += ["", "import {", f"  to = {item.resource}.{label}", f"  id = {quoted(item.identifier)}", "}"]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Return a text as a string of Terraform's language."""
    escaped = _UNPRINTABLE.sub(lambda match: _ESCAPES.get(match[0]) or code_point_escape(match[0]), text)
    return f'"{escaped.replace("${", "$${").replace("%{", "%%{")}"'


def _label(item: Import, labels: set[tuple[str, str]]) -> str:
    """Return an identifier that no other resource of this type has."""
    stem = _NOT_IN_A_NAME.sub("_", item.name).strip("_").lower()
    if not stem or not stem[0].isalpha():
        stem = f"_{stem}"
    label, number = stem, 1
    while (item.resource, label) in labels:
        number += 1
        label = f"{stem}_{number}"
    labels.add((item.resource, label))
    return label
