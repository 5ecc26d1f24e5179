"""No value of a field with the name of a secret, declared or not, comes out of any front end of an added service."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import nbformat
import pytest
from kernel_client import known_to_jupyter
from kosmo_command import kosmo, on_terminal
from look_alike import TOKEN, answer
from mcp_client import asked
from nbformat.v4 import new_code_cell, new_notebook

from kosmo_kernel.demo.server import serve
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.services.adding import add
from kosmo_kernel.session import Session

RECORDS = 100
FORMS = ("{}", "my-{}", "old_{}", "{}_2", "x-{}", "the {}", "new_{}_value", "{}_hash", "{}_of_app", "THE_{}")
WORDS = ("token", "secret", "password", "passphrase", "credential", "private_key", "api_key", "access_key", "apiKey")
NAMES = [form.format(word) for word in WORDS for form in FORMS] + ["clientSecret", "db-password", "AuthToken", "pwd"]
NAMES += ["refreshToken", "secret_access_key", "apikey", "passwd", "credentials_json", "tokens"]
CANARY = re.compile(r"kanari\d{9}")
CALL = "app.integrations.vault.list_keepers()"
CODE = f"local keepers = {CALL} print(json.encode(keepers)) return keepers"


def canary(record: int, field: int) -> str:
    return f"kanari{record * 1000 + field:09d}"


def keeper(number: int) -> dict[str, Any]:
    """Return a record: secrets that the document declares, that it does not, in objects and in lists of objects."""
    secrets = {name: canary(number, field) for field, name in enumerate(NAMES)}
    names = list(secrets)
    first, second, third = (dict.fromkeys(names[n::4]) | {k: secrets[k] for k in names[n::4]} for n in range(3))
    rest = {name: secrets[name] for name in names[3::4]}
    return {"id": number, "name": f"marker-{number}", "nested": {"deep": first}, "list": [second], "any": third, **rest}


def vault_document() -> dict[str, Any]:
    string = {"type": "string"}
    nested = {"type": "object", "properties": {"deep": {"type": "object", "properties": dict.fromkeys(NAMES, string)}}}
    listed = {"type": "array", "items": {"type": "object", "properties": dict.fromkeys(NAMES[1::4], string)}}
    fields = {"id": {"type": "integer"}, "name": string, "nested": nested, "list": listed, "any": {"type": "object"}}
    record = {"type": "object", "properties": fields | dict.fromkeys(NAMES[3::8], string)}
    response = {"content": {"application/json": {"schema": {"type": "array", "items": record}}}}
    paths = {"/keepers": {"get": {"summary": "All keepers", "responses": {"200": response}}}}
    return {"openapi": "3.0.3", "info": {}, "servers": [{"url": "https://vault.example"}], "paths": paths}


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / "settings"))
    document = tmp_path / "vault.json"
    document.write_text(json.dumps(vault_document()), encoding="utf-8")
    add("vault", document, set())
    body = [keeper(number) for number in range(RECORDS)]

    def api(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return answer(start_response, "200 OK", body)

    with serve(api) as served:
        monkeypatch.setenv("VAULT_API_URL", served.url)
        monkeypatch.setenv("VAULT_TOKEN", TOKEN)
        yield tmp_path


def terminal(_folder: Path) -> str:
    forms = [kosmo("integrations:call", "vault.list_keepers", "--format", form).stdout for form in ("table", "csv")]
    return "".join((*forms, on_terminal("integrations:call", "vault.list_keepers")))


def as_json(_folder: Path) -> str:
    done = kosmo("integrations:lua", "-e", CODE, "--json")
    return done.stdout + done.stderr + kosmo("integrations:call", "vault.list_keepers", "--json").stdout


def page(_folder: Path) -> str:
    with Session() as lua:
        result = lua.run(CODE)
    return f"{result.output}{result.value!r}{bundle_of(result.value)}{result.frame().to_html()}"


def agent(_folder: Path) -> str:
    async def ask(client: Any) -> list[str]:
        answers = [await client.call_tool("lua_run", {"code": CODE})]
        answers.append(await client.call_tool("vault_list_keepers", {}))
        return [one.model_dump_json() for one in answers]

    return "".join(asked(ask, "--tools", "functions", env=dict(os.environ)))


def notebook(folder: Path) -> str:
    written = new_notebook(cells=[new_code_cell(CODE)])
    written.metadata.kernelspec = {"name": "kosmo-lua", "display_name": "Lua", "language": "lua"}
    nbformat.write(written, folder / "book.ipynb")
    with known_to_jupyter(folder / "jupyter"):
        os.environ["KOSMO_DEMO"] = "0"
        done = kosmo("run", str(folder / "book.ipynb"), "-o", str(folder / "copy.ipynb"), "--html")
    return done.stdout + done.stderr + "".join(path.read_text() for path in folder.glob("copy.*"))


def archive(folder: Path) -> str:
    kosmo("integrations:lua", "-e", CALL, "--record", str(folder / "saved.kosmo"))
    content = (folder / "saved.kosmo").read_bytes().decode(errors="replace")
    replayed = kosmo("integrations:lua", "-e", CODE, "--replay", str(folder / "saved.kosmo"), "--json")
    return content + replayed.stdout + replayed.stderr


FRONT_ENDS: tuple[Callable[[Path], str], ...] = (terminal, as_json, page, agent, notebook, archive)


def test_there_are_ten_thousand_secrets_in_the_answers() -> None:
    text = json.dumps([keeper(number) for number in range(RECORDS)])
    assert len(set(CANARY.findall(text))) == RECORDS * len(NAMES) == 10_000


@pytest.mark.parametrize(
    "front_end",
    [pytest.param(one, marks=() if one in (page, as_json) else pytest.mark.full) for one in FRONT_ENDS],
    ids=lambda one: one.__name__,
)
def test_no_secret_comes_out_of_a_front_end(vault: Path, front_end: Callable[[Path], str]) -> None:
    text = front_end(vault)
    assert "marker-1" in text
    assert "[redacted]" in text
    assert not CANARY.findall(text)
