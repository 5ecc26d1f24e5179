"""The functions that are made from the facts: their links, what they send, and that no secret gets past the client."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from recorded import answers
from repository import ROOT

from kosmo_kernel import docs
from kosmo_kernel.accounts import Account
from kosmo_kernel.archive.recorder import Recorder
from kosmo_kernel.catalogue import Column, Function, Link, Param
from kosmo_kernel.client.client import Client
from kosmo_kernel.client.transport import in_process
from kosmo_kernel.errors import InvalidArgumentsError, KosmoError, RefusedError
from kosmo_kernel.integrations.heroku import HEROKU
from kosmo_kernel.integrations.heroku import derived as derivation
from kosmo_kernel.integrations.heroku.entries import entries
from kosmo_kernel.integrations.heroku.facts import facts, guarded_parts
from kosmo_kernel.integrations.heroku.functions import BY_HAND, FUNCTIONS

ACCOUNT = Account("heroku", "demo", "HRKU-nobody", HEROKU.base_url, "the test")
UUID = "01234567-89ab-cdef-0123-456789abcdef"
PLANS = ("heroku-postgresql:standard-0", "heroku-postgresql:advanced-1", "heroku-redis:mini", "heroku-kafka:basic-0")
CANARY = "kanarienvogel"
NAMES = list(HEROKU.table.names)
MADE = [name for name in NAMES if HEROKU.table.named(name).subject]
UNQUOTED = [name for name in NAMES if not HEROKU.table.named(name).is_quotable]


class Api:
    """Answers every request with one body, and keeps the paths and the `Range` of the requests."""

    def __init__(self, body: Any, status: str = "200 OK") -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.asked = status, list[tuple[str, str | None]]()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING")
        self.asked.append((environ["PATH_INFO"] + (f"?{query}" if query else ""), environ.get("HTTP_RANGE")))
        headers = [("Content-Type", "application/json"), ("X-Heroku-Warning", f"{CANARY} in a header")]
        start_response(self.status, headers)
        return [self.body]

    def fetch(self, function: Function, args: dict[str, Any], cassette: Recorder | None = None) -> Any:
        client = Client(HEROKU, ACCOUNT, transport=in_process(self), retries=0, saved=cassette)
        return client.fetch(function, function.calls(function.bind(args))[0])


def arguments(function: Function, link: Link) -> dict[str, Any]:
    """Return arguments that lead to a link."""
    params = {param.name: param for param in function.params}
    needed = [*link.placeholders, *(name for name, param in params.items() if param.required and param.query)]
    return {name: _value(params[name], link.choice) for name in needed}


def _value(param: Param, choice: str) -> Any:
    """Return a value that the path takes as it is; if a plan chooses the path, a record with one."""
    if choice and param.choice:
        return {"id": UUID, "plan": {"name": next(plan for plan in PLANS if re.fullmatch(choice, plan))}}
    is_looked_up = param.lookup and not re.fullmatch(param.lookup.pattern, param.example)
    if (param.example or param.kind == "integer") and not is_looked_up:
        return int(param.example or 1) if param.kind == "integer" else param.example
    taken = param.lookup.pattern if param.lookup else param.pattern
    return UUID if taken and re.fullmatch(taken, UUID) else "x"


def sample(columns: Iterable[Column], *, unknown: bool, depth: int = 0) -> dict[str, Any]:
    """Return a record with a value for each column: canaries for secrets and, if wanted, in unknown fields."""
    record: dict[str, Any] = {}
    for column in columns:
        place = record
        for key in column.path[:-1]:
            place = place.setdefault(key, {f"unknown_{depth}": CANARY} if unknown else {})
        if column.secret:
            value: Any = f"https://{CANARY}:{CANARY}@logs.example/{CANARY}?token={CANARY}" if column.host else CANARY
        elif column.bare:
            value = f"https://{CANARY}@git.example/a/pack?{CANARY}#{CANARY}"
        elif column.items:
            value = [sample(column.items, unknown=unknown, depth=depth + 1)]
        else:
            value = {"list": ["one"], "integer": 3, "number": 0.5, "boolean": True, "object": {"any": 1}}.get(
                column.kind, f"the {column.name}"
            )
        place[column.path[-1]] = value
    return record | ({"unknown": CANARY, "unknown_object": {"deep": [CANARY]}} if unknown else {})


def body_of(function: Function, link: Link, record: dict[str, Any]) -> Any:
    if function.fingerprints:
        return {"DATABASE_URL": CANARY, "EMPTY": None}
    return [record] if function.returns == "list" and not link.single else record


def every_link(names: list[str]) -> Iterator[tuple[Function, Link]]:
    for name in names:
        function = HEROKU.function(name)
        for link in function.links:
            yield function, link


# Functions and links


def test_the_catalogue_has_no_mistakes_with_all_functions_made() -> None:
    HEROKU.check()


def test_every_link_of_heroku_has_one_function_or_a_reason_for_none() -> None:
    places = {link.path: 0 for link in facts().links}
    for entry in (entry for name, entry in entries().items() if name not in BY_HAND):
        for link in derivation.links_of(entry):
            places[link.path] += 1
    for path in derivation.paths_by_hand():
        places[path] += 1
    left_out = dict(derivation.left_out())
    assert {path for path, count in places.items() if count != 1} == left_out.keys()
    assert all(f"`{path}`" in docs.read("heroku.left_out") for path in left_out)
    callable_links = [link for link in facts().links if link.path not in left_out]
    assert (len(callable_links) >= 150, all(left_out.values())) == (True, True)


def test_each_link_can_be_called_and_gives_the_declared_fields() -> None:
    for function, link in every_link(MADE):
        record = sample(function.columns, unknown=False)
        api = Api(body_of(function, link, record))
        data = api.fetch(function, arguments(function, link)).data
        rows = data if isinstance(data, list) else [data]
        assert (isinstance(data, list), len(api.asked)) == (function.returns == "list", 1), function.name
        assert api.asked[0][0].startswith(link.path.partition("{")[0])
        assert function.fingerprints or rows[0].keys() == record.keys()


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ({"app_id": "a-shop", "team": "a-team"}, "`app_id`, or `pipeline_id`, or `team`, or none"),
        ({"pipeline_id": "no name"}, "`pipeline_id` must be a pipeline's name or UUID"),
    ],
)
def test_exactly_one_parent_is_given_and_a_mistake_is_told_before_anything_is_sent(
    args: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidArgumentsError) as caught:
        HEROKU.function("list_pipeline_couplings").bind(args)
    assert told in caught.value.message


def test_every_placeholder_of_a_path_has_a_value_that_it_takes() -> None:
    assert [place for link in facts().links for place in link.placeholders if not facts().parameters[place]] == []
    assert facts().parameters["team-invitation.token"] == ["token string"]


def test_a_release_is_known_by_its_number_its_uuid_or_a_record() -> None:
    function = HEROKU.function("get_release")
    for release, path in ((42, "42"), (UUID, UUID), ({"version": 42, "id": UUID}, "42")):
        assert function.url(function.bind({"app_id": "my-app", "release": release})) == f"/apps/my-app/releases/{path}"


@pytest.mark.parametrize(
    ("name", "args", "asked"),
    [
        ("list_pipeline_builds", {"pipeline_id": "a-flow"}, ["/pipelines/a-flow", f"/pipelines/{UUID}/latest-builds"]),
        ("list_pipeline_builds", {"pipeline_id": {"id": UUID, "name": "a"}}, [f"/pipelines/{UUID}/latest-builds"]),
        ("list_team_invitations", {"team": UUID}, [f"/teams/{UUID}", "/teams/a-name/invitations"]),
        ("list_team_invitations", {"team": "a-team"}, ["/teams/a-team/invitations"]),
    ],
)
def test_a_parent_whose_path_takes_one_of_its_names_only_is_looked_up_by_any_other(
    name: str, args: dict[str, Any], asked: list[str]
) -> None:
    class Both(Api):
        def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            is_record = environ["PATH_INFO"].count("/") == 2
            self.body = json.dumps({"id": UUID, "name": "a-name"} if is_record else []).encode()
            return super().__call__(environ, start_response)

    api = Both([])
    assert api.fetch(HEROKU.function(name), args).data == []
    assert [path for path, _ in api.asked] == asked


def test_the_newest_releases_take_one_request_in_descending_order() -> None:
    rows = [{"id": str(version), "version": version} for version in (3, 2)]
    api = Api(rows, "206 Partial Content")
    assert api.fetch(HEROKU.function("list_releases"), {"app_id": "my-app", "newest": 2}).data == rows
    assert api.asked == [("/apps/my-app/releases", "version ..; order=desc, max=2")]


def test_parameters_of_a_query_are_sent_in_it() -> None:
    function = HEROKU.function("list_team_monthly_usage")
    assert (
        function.url(function.bind({"team": UUID, "start": "2026-10"})) == f"/teams/{UUID}/usage/monthly?start=2026-10"
    )


def test_an_app_in_no_pipeline_has_no_couplings_and_an_app_that_is_not_there_is_an_error() -> None:
    function = HEROKU.function("list_pipeline_couplings")
    body = {"id": "not_found", "message": "Couldn't find that.", "resource": "pipeline_coupling"}
    assert Api(body, "404 Not Found").fetch(function, {"app_id": "my-app"}).data == []
    with pytest.raises(RefusedError):
        Api(body | {"resource": "app"}, "404 Not Found").fetch(function, {"app_id": "my-app"})
    with pytest.raises(RefusedError):
        Api({"id": "not_found", "message": "No."}, "404 Not Found").fetch(function, {"app_id": "my-app"})


def test_a_start_reads_no_facts_and_makes_no_function_from_them() -> None:
    code = (
        "import sys; from kosmo_kernel import Session; s = Session(account='demo');"
        "loaded = lambda: {'facts', 'derived'} & {name.rpartition('heroku.')[2] for name in sys.modules};"
        "s.run('return 1'); print(loaded()); s.run('return #app.integrations.heroku.list_apps()'); s.close();"
        "print(loaded())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n{'facts'}\n"  # the demo account follows Heroku's schema


# Secrets


def no_canary(value: object) -> bool:
    return CANARY not in (value if isinstance(value, str) else json.dumps(value, default=str))


def bodies(cassette: Path) -> list[object]:
    return [one["body"] for one in answers(cassette)]


@pytest.mark.claim("secret-fields")
def test_no_secret_of_any_function_gets_past_the_client_or_into_a_recording(tmp_path: Path) -> None:
    cassette = Recorder(tmp_path / "run.jsonl", "demo")
    for function, link in every_link(MADE):
        body = body_of(function, link, sample(function.columns, unknown=function.guarded))
        answer = Api(body).fetch(function, arguments(function, link), cassette)
        assert no_canary(answer.data), function.name
        assert "unknown" not in json.dumps(answer.data), function.name
        assert not function.guarded or no_canary(list(answer.notes))
    cassette.close()
    assert no_canary(bodies(tmp_path / "run.jsonl"))


UNDECLARED = {"private_key": CANARY, "token": CANARY, "x_canary": {"deep": [CANARY]}}


def with_undeclared(value: Any) -> Any:
    """Return a value with fields that the schema does not declare in all of its objects."""
    if isinstance(value, list):
        return [with_undeclared(item) for item in value]
    if isinstance(value, dict):
        return {key: with_undeclared(item) for key, item in value.items()} | UNDECLARED
    return value


def undeclared(value: Any, above: str = "") -> Iterator[str]:
    """Yield the dotted names of the objects in a value that have fields which the schema does not declare."""
    if isinstance(value, list):
        for item in value:
            yield from undeclared(item, above)
    elif isinstance(value, dict):
        if value.items() >= UNDECLARED.items():
            yield above
        for key, item in value.items():
            if key not in UNDECLARED:
                yield from undeclared(item, f"{above}.{key}".removeprefix("."))


@pytest.mark.claim("secret-fields")
def test_undeclared_fields_go_further_except_those_of_things_that_hold_secrets() -> None:
    for function, link in every_link(MADE):
        if function.fingerprints:
            continue
        record = with_undeclared(sample(function.columns, unknown=False))
        data = Api(body_of(function, link, record)).fetch(function, arguments(function, link)).data
        sent, left = set(undeclared(record)), set(undeclared(data))
        hidden = {part for part in sent if f"{part}.".startswith(tuple(f"{one}." for one in function.guarded_parts))}
        secret_objects = {column.name for column in function.columns if column.secret and column.kind == "object"}
        assert left == (set() if function.guarded else sent - hidden - secret_objects), function.name
        assert bool(hidden) == bool(function.guarded_parts), function.name
        assert left or no_canary(data)


def test_functions_by_hand_guard_the_same_objects_as_those_made_from_the_facts() -> None:
    derived = {name: HEROKU.function(name) for name in MADE}
    for function in (*FUNCTIONS, HEROKU.function("get_domain")):
        assert function.guarded_parts == guarded_parts(column.name for column in function.columns), function.name
    [link] = derived["list_addons"].links
    assert link.bulk is not None
    assert link.bulk.shared_links is not None
    by_hand, made = link.bulk.shared_links, derived["list_addon_attachments"]
    assert (by_hand.name, by_hand.guarded, by_hand.own_errors) == (made.name, made.guarded, made.own_errors)
    assert {column.name for column in by_hand.columns} == {column.name for column in made.columns}
    assert {column.name for column in by_hand.secrets} == {column.name for column in made.secrets}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": "forbidden", "message": CANARY, "url": CANARY}, "403 Forbidden"),
        ({"id": CANARY.upper(), "message": "no"}, "422 Unprocessable"),
        (f"<html>{CANARY}".encode(), "503 Unavailable"),
        (f'[{{"token": "{CANARY}'.encode(), "200 OK"),
        (CANARY, "200 OK"),
    ],
    ids=["403", "422", "503", "truncated", "text"],
)
@pytest.mark.claim("secret-errors")
def test_errors_of_functions_with_secrets_do_not_quote_heroku(body: Any, status: str, tmp_path: Path) -> None:
    cassette = Recorder(tmp_path / "run.jsonl", "demo")
    for function in map(HEROKU.function, UNQUOTED):
        with pytest.raises(KosmoError) as caught:
            Api(body, status).fetch(function, arguments(function, function.links[0]), cassette)
        assert no_canary(f"{caught.value!r} {caught.value} {vars(caught.value)}")
    cassette.close()
    assert no_canary(bodies(tmp_path / "run.jsonl"))


def test_a_drain_tells_its_host_and_a_buildpack_its_repository() -> None:
    drains, builds = HEROKU.function("list_log_drains"), HEROKU.function("list_builds")
    drain = Api([{"url": f"syslog+tls://u:{CANARY}@logs.example:6514/x", "token": CANARY}])
    build = Api([{"buildpacks": [{"url": f"https://{CANARY}@github.com/a/b?x={CANARY}", "name": "heroku/nodejs"}]}])
    assert drain.fetch(drains, {"app_id": "my-app"}).data == [
        {"url": "[redacted]", "token": "[redacted]", "host": "logs.example"}
    ]
    assert build.fetch(builds, {"app_id": "my-app"}).data == [
        {"buildpacks": [{"url": "https://github.com/a/b", "name": "heroku/nodejs"}]}
    ]


def test_config_vars_are_names_with_fingerprints() -> None:
    function = HEROKU.function("list_config_vars")
    rows = Api({"A": "one", "B": "one", "C": "two", "D": None}).fetch(function, {"app_id": "my-app"}).data
    prints = {row["name"]: row["fingerprint"] for row in rows}
    assert (prints["A"] == prints["B"], prints["A"] == prints["C"], prints["D"]) == (True, False, None)
    assert all(len(one.partition(":")[2]) == 32 for one in prints.values() if one)


def test_a_token_that_may_not_see_config_vars_is_told_the_scope_that_it_needs() -> None:
    function = HEROKU.function("list_config_vars")
    with pytest.raises(RefusedError, match="It needs a token with the scope read-protected"):
        Api({"id": "forbidden", "message": "No."}, "403 Forbidden").fetch(function, {"app_id": "my-app"})


def test_what_herokus_api_does_not_tell_is_named_with_where_to_find_it() -> None:
    page = docs.read("heroku.left_out")
    assert {"jobs of Heroku Scheduler", "DNS records", "contents of databases"} < HEROKU.not_told.keys()
    assert [what for what, where in HEROKU.not_told.items() if what not in page or where.where not in page] == []
