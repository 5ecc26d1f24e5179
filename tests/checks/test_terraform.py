"""The import blocks for Terraform: what the documentation of the provider heroku/heroku has as identifiers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from inventories import changed, read

from kosmo_kernel.checks.inventory import Inventory
from kosmo_kernel.checks.inventory_folder import import_file, quoted
from kosmo_kernel.integrations.heroku.demo.api import DemoApi
from kosmo_kernel.integrations.heroku.demo.company import company
from kosmo_kernel.integrations.heroku.inventory import PROVIDER, review_apps

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
NAME, EMAIL = r"[a-z][a-z0-9-]{1,28}[a-z0-9]", r"[^:@\s]+@[^:@\s]+"
# The section "Import" of docs/resources/*.md in github.com/heroku/terraform-provider-heroku, version 5.
IDENTIFIERS = {
    "heroku_addon": UUID,  # addon.md: "using the Addon `id`"
    "heroku_addon_attachment": UUID,  # addon_attachment.md: "using the unique Addon Attachment `id`"
    "heroku_app": UUID,  # app.md: "using an existing app's `UUID` or name"
    "heroku_collaborator": f"{NAME}:{EMAIL}",  # collaborator.md: name of the app, a colon, the email address
    "heroku_domain": f"{NAME}:{UUID}",  # domain.md: "APP_NAME:DOMAIN_IDENTIFIER", by UUID or by the name
    "heroku_drain": f"{NAME}:{UUID}:sensitive",  # drain.md: app name, drain ID, and for `sensitive_url` this word
    "heroku_formation": f"{NAME}:[A-Za-z][A-Za-z0-9_-]*",  # formation.md: name of the app, a colon, the type
    "heroku_pipeline": UUID,  # pipeline.md: "using the pipeline's `id`"
    "heroku_pipeline_coupling": UUID,  # pipeline_coupling.md: "using the Pipeline coupling `id`"
    "heroku_space": UUID,  # space.md: "using the space `id`"
    "heroku_space_app_access": f"{NAME}:{EMAIL}",  # space_app_access.md: name of the space, a colon, the email
    "heroku_ssl": f"{NAME}:{UUID}",  # ssl.md: "the app name and certificate UUID separated by a colon"
    "heroku_team_collaborator": f"{NAME}:{EMAIL}",  # team_collaborator.md: name of the app, a colon, the email address
    "heroku_team_member": f"{NAME}:{EMAIL}",  # team_member.md: name of the team, a colon, the email address
    "heroku_telemetry_drain": UUID,  # telemetry_drain.md: "using the drain `id`"
}
LABEL = re.compile(r"[a-z_][a-z0-9_]*")
BLOCK = re.compile(r'^import \{\n  to = (\w+)\.(\S+)\n  id = "(.*)"\n\}$', re.MULTILINE)


class Block(NamedTuple):
    resource: str
    label: str
    identifier: str


def blocks_of(text: str) -> list[Block]:
    return [Block(*match) for match in BLOCK.findall(text)]


def parsed(text: str) -> Iterator[Block]:
    """Yield the blocks of a file, as python-hcl2 reads them."""
    import hcl2

    for one in hcl2.loads(text)["import"]:
        resource, _, label = one["to"].removeprefix("${").removesuffix("}").partition(".")
        yield Block(resource, label, one["id"].removeprefix('"').removesuffix('"'))


def imports_of(names: list[str], ids: list[str]) -> list[dict[str, str]]:
    """Return the rows of the table of imports for apps."""
    return [{"resource": "heroku_app", "name": name, "id": ident} for name, ident in zip(names, ids, strict=True)]


def check(blocks: list[Block]) -> None:
    assert [one for one in blocks if not re.fullmatch(IDENTIFIERS[one.resource], one.identifier)] == []
    assert [one for one in blocks if not LABEL.fullmatch(one.label)] == []
    assert max(Counter((one.resource, one.label) for one in blocks).values()) == 1
    assert max(Counter((one.resource, one.identifier) for one in blocks).values()) == 1


def test_each_block_names_a_resource_and_an_identifier_of_the_providers_documentation(demo: Inventory) -> None:
    blocks = blocks_of(import_file(demo))

    check(blocks)
    assert {one.resource for one in blocks} == IDENTIFIERS.keys()
    assert import_file(demo).count("import {") == len(blocks)


def test_what_comes_and_goes_by_itself_is_left_out(demo: Inventory) -> None:
    blocks = blocks_of(import_file(demo))
    apps = {one.identifier for one in blocks if one.resource == "heroku_app"}
    hosts = [row for row in demo.rows("domains") if row["kind"] == "custom"]
    shared = [row for row in demo.rows("addon_attachments") if row["shared"]]

    assert review_apps(demo) == {"van-telemetry"}
    assert apps == {app["id"] for app in demo.rows("apps") if app["name"] != "van-telemetry"}
    assert sum(one.resource == "heroku_domain" for one in blocks) == len(hosts)
    assert {row["id"] for row in shared} < {one.identifier for one in blocks}
    assert not any("herokumanager.com" in one.identifier for one in blocks)


def test_a_certificate_of_ones_own_is_imported(demo: Inventory) -> None:
    blocks = blocks_of(import_file(demo))

    assert [one.identifier.partition(":")[0] for one in blocks if one.resource == "heroku_ssl"] == ["price-quotes"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", '"plain"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("${path.root} $${x} %{ if true }", '"$${path.root} $$${x} %%{ if true }"'),
        ("a\nb\r\t\x00\u2028", '"a\\nb\\r\\t\\u0000\\u2028"'),
    ],
)
def test_no_text_ends_a_string_or_begins_a_template(text: str, written: str) -> None:
    assert quoted(text) == written


def test_names_that_are_no_identifiers_become_distinct_ones(demo: Inventory) -> None:
    names = ["4-u", "a.b", "a-b", "A_B", "", "é"]
    ids = [f"0000000{number}-0000-0000-0000-000000000000" for number in range(len(names))]
    text = import_file(changed(demo, terraform_imports=imports_of(names, ids)))

    assert [one.label for one in blocks_of(text)] == ["_4_u", "a_b", "a_b_2", "a_b_3", "_", "__2"]


@pytest.mark.full
@pytest.mark.parametrize("apps", [None, 300])
def test_an_hcl_parser_reads_the_same_blocks(apps: int | None, demo: Inventory) -> None:
    import hcl2

    data = read(DemoApi(company(apps), capacity=10**9)) if apps else demo
    text = import_file(data)
    blocks = list(parsed(text))

    check(blocks)
    assert blocks == blocks_of(text)
    imported = [one for one in blocks if one.resource == "heroku_app"]
    assert len(imported) == len(data.rows("apps")) - len(review_apps(data))
    assert (
        hcl2.loads(PROVIDER.read_text(encoding="utf-8"))["terraform"][0]["required_providers"][0]["heroku"]["source"]
        == '"heroku/heroku"'
    )


@pytest.mark.full
def test_an_hcl_parser_reads_hostile_names_as_texts(demo: Inventory) -> None:
    hostile = ['"}\nresource "x" "y" {}', "${file(1)}", "%{ for x in y }", "\\", "a\\"]
    text = import_file(changed(demo, terraform_imports=imports_of(hostile, hostile)))

    assert list(parsed(text)) == blocks_of(text)
    assert len(blocks_of(text)) == len(hostile)
