"""No secret of Heroku's records is in any output of any door, though canaries stand in place of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from canaries import CANARY, FAULTS, PlantedApi, planted_api, secret_functions
from canary_doors import DOORS
from database_canaries import PlantedDatabases, functions_of_databases, planted_databases
from full_matrix import full_except

from kosmo_kernel.archive import answers
from kosmo_kernel.catalogue import Function
from kosmo_kernel.client import client
from kosmo_kernel.integrations.heroku import HEROKU, data
from kosmo_kernel.settings import notebook_run
from kosmo_kernel.settings.notebook_run import NotebookRun

LEAST = 10_000  # canaries that each door has to keep
ALL = secret_functions()
FEW = [
    HEROKU.function(name)
    for name in ("list_config_vars", "list_log_drains", "get_slug", "list_dynos", "list_sni_endpoints", "list_domains")
]


@pytest.fixture
def planted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PlantedApi]:
    """Yield the look-alike with canaries, which is the default account of all that runs."""
    with planted_api(**getattr(request, "param", {})) as (api, environment):
        monkeypatch.setattr(notebook_run, "received", [NotebookRun(str(tmp_path / "calls"))])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield api


def found(door: str, api: PlantedApi, functions: Sequence[Function], folder: Path) -> tuple[set[str], list[str]]:
    """Return the canaries that got through a door, and the addresses whose answers were not seen there at all."""
    (folder / door).mkdir()
    seen = "".join(DOORS[door](functions, folder / door))
    log = folder / "calls"
    seen += log.read_text() if log.exists() else ""
    return set(CANARY.findall(seen)), api.unseen(seen)


IN_PROCESS = [name for name in DOORS if name in ("session", "magic", "python", "explorer")]


@pytest.mark.claim("secret-fields", "secret-errors")
@pytest.mark.parametrize("fault", ["", "refused"], ids=["answers", "errors"])
@pytest.mark.parametrize("door", full_except(["session", "magic", "command"], "session", "magic"))
def test_no_canary_gets_through_a_door(door: str, fault: str, planted: PlantedApi, tmp_path: Path) -> None:
    planted.fault = fault
    assert found(door, planted, FEW, tmp_path) == (set(), [])
    assert planted.planted


@pytest.mark.claim("secret-fields")
@pytest.mark.full
@pytest.mark.parametrize("planted", [{"rows": 25}], indirect=True, ids=["many rows"])
@pytest.mark.parametrize("door", [name for name in DOORS if name != "snapshot"])
def test_none_of_ten_thousand_canaries_gets_through_a_door(door: str, planted: PlantedApi, tmp_path: Path) -> None:
    assert found(door, planted, ALL, tmp_path) == (set(), [])
    assert planted.planted >= LEAST


@pytest.mark.claim("secret-fields")
@pytest.mark.full
def test_no_canary_is_in_a_snapshot(planted: PlantedApi, tmp_path: Path) -> None:
    canaries, unseen = found("snapshot", planted, ALL, tmp_path)
    assert (canaries, planted.planted > 0, "/apps/{app.identity}/dynos" in unseen) == (set(), True, False)


@pytest.mark.claim("secret-errors")
@pytest.mark.full
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("door", [name for name in DOORS if name != "snapshot"])
def test_no_canary_gets_through_a_door_in_an_error(door: str, fault: str, planted: PlantedApi, tmp_path: Path) -> None:
    planted.fault = fault
    assert found(door, planted, ALL if door == "session" else FEW, tmp_path) == (set(), [])


@pytest.fixture
def databases(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[PlantedDatabases]:
    """Yield the look-alike whose API of databases has canaries, which is the default account of all that runs."""
    with planted_databases(**getattr(request, "param", {})) as (api, environment):
        monkeypatch.setattr(notebook_run, "received", [NotebookRun(str(tmp_path / "calls"))])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield api


@pytest.mark.claim("secret-fields", "secret-errors")
@pytest.mark.parametrize("fault", ["", "refused", "not JSON", "a text"], ids=["answers", "403", "not JSON", "text"])
@pytest.mark.parametrize("door", full_except([*DOORS], "session"))
def test_no_canary_of_a_database_gets_through_a_door(
    door: str, fault: str, databases: PlantedDatabases, tmp_path: Path
) -> None:
    databases.fault = fault
    seen = found(door, databases, functions_of_databases(), tmp_path)
    assert (seen[0], databases.planted > 0, bool(fault) or door == "snapshot" or not seen[1]) == (set(), True, True)


@pytest.mark.claim("secret-fields")
@pytest.mark.full
@pytest.mark.parametrize("databases", [{"copies": 300}], indirect=True, ids=["many fields"])
@pytest.mark.parametrize("door", DOORS)
def test_none_of_ten_thousand_canaries_of_databases_gets_through_a_door(
    door: str, databases: PlantedDatabases, tmp_path: Path
) -> None:
    assert found(door, databases, functions_of_databases(), tmp_path)[0] == set()
    assert databases.planted >= LEAST


def test_without_redaction_canaries_of_databases_get_through(
    databases: PlantedDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (client, answers):
        monkeypatch.setattr(module, "clean", lambda _function, value, _fingerprint: value)
    monkeypatch.setattr(data, "_known", lambda _resource, record: dict(record))
    assert found("session", databases, functions_of_databases(), tmp_path)[0]


@pytest.mark.parametrize("door", full_except(IN_PROCESS, "session"))
def test_without_redaction_canaries_get_through_each_door(
    door: str, planted: PlantedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (client, answers):
        monkeypatch.setattr(module, "clean", lambda _function, value, _fingerprint: value)
    canaries, unseen = found(door, planted, [one for one in FEW if not one.fingerprints], tmp_path)
    assert (bool(canaries), unseen) == (True, [])


@pytest.mark.parametrize("door", full_except(IN_PROCESS, "session"))
def test_errors_that_quote_heroku_would_have_canaries(
    door: str, planted: PlantedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.fault = "refused"
    monkeypatch.setattr(Function, "is_quotable", property(lambda _function: True))
    canaries, unseen = found(door, planted, FEW, tmp_path)
    assert (bool(canaries), unseen) == (True, [])
