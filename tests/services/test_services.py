"""Services that are added from API documents: commands, calls in Lua, pages of the reference, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest
from click.testing import CliRunner
from kosmo_command import document, kosmo, started
from look_alike import TOKEN, Shelf, answer
from paged_document import paged_document

from kosmo_kernel import docs, errors, integrations
from kosmo_kernel.checks.cell import ask_in_cell
from kosmo_kernel.cli import added_services
from kosmo_kernel.client.network import download
from kosmo_kernel.demo.server import serve
from kosmo_kernel.docs.search_index import matching_columns, search_pages
from kosmo_kernel.notebook.commands import NotebookContext, run_command
from kosmo_kernel.services.adding import KNOWN, KnownService, add, remove, update
from kosmo_kernel.session import Session

STRING, INTEGER = {"type": "string"}, {"type": "integer"}
BOOK = {
    "type": "object",
    "required": ["id", "title"],
    "properties": {"id": INTEGER, "title": STRING, "access_token": STRING, "lent_at": STRING | {"format": "date-time"}},
}
READER = {"type": "object", "properties": {"name": STRING, "config": {"type": "object"}}}


def query(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": INTEGER}


def get(schema: Any, summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    response = {"description": "", "content": {"application/json": {"schema": schema}}}
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": {"200": response}}}


def shelf_document(**parts: Any) -> dict[str, Any]:
    books = {"type": "object", "properties": {"books": {"type": "array", "items": BOOK}, "total": INTEGER}}
    paths = {
        "/books": get(books, "All books", query("offset"), query("limit")),
        "/books/{bookId}": get(BOOK, "One book"),
        "/readers": get({"type": "array", "items": READER}, "Who reads", query("cursor")),
        "/cover": {"get": {"responses": {"200": {"content": {"image/png": {}}}}}},
    }
    info = {"title": "The Shelf", "version": "1"}
    return {"openapi": "3.0.3", "info": info, "servers": [{"url": "https://shelf.example"}], "paths": paths} | parts


class Library(Shelf):
    """The look-alike of the service in the document."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ.get("HTTP_AUTHORIZATION") != f"Bearer {TOKEN}":
            return answer(
                start_response, "401 Unauthorized", {"error": {"message": "Who are you?", "code": "no_token"}}
            )
        if path == "/books":
            return super().__call__(environ, start_response)
        if path == "/readers" and self.fault == "no readers":
            return answer(start_response, "422 Unprocessable Entity", {"errors": [{"detail": "Nobody reads"}]})
        if path == "/readers":
            secret = {"api_key": "canary-1", "nested": {"password": "canary-2"}, "key": "no secret"}
            return answer(start_response, "200 OK", [{"name": "Ada", "config": secret, "is_new": True}])
        number = path.rpartition("/")[2]
        if number.isdecimal() and int(number) <= self.count:
            book = self.books[int(number) - 1] | {"access_token": "canary-3"}
            return answer(start_response, "200 OK", book)
        return answer(start_response, "404 Not Found", {"message": "No such book"})


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KOSMO_CONFIG_DIR", str(tmp_path / "settings"))
    return tmp_path


def write(folder: Path, content: Any, name: str = "shelf.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def settings_with_shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of settings to which the service was added."""
    folder = tmp_path_factory.mktemp("shelf")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOSMO_CONFIG_DIR", str(folder / "settings"))
        add("shelf", write(folder, shelf_document()), set())
    return folder / "settings"


@pytest.fixture
def library(settings_with_shelf: Path, settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    shutil.copytree(settings_with_shelf, settings / "settings")
    api = Library("offset, total")
    with serve(api) as served:
        monkeypatch.setenv("SHELF_TOKEN", TOKEN)
        monkeypatch.setenv("SHELF_API_URL", served.url)
        yield api


@pytest.fixture
def lua(library: Library) -> Iterator[Session]:
    with Session() as opened:
        yield opened


def test_a_list_of_an_added_service_is_complete(lua: Session, library: Library) -> None:
    frame = lua.run("return app.integrations.shelf.list_books()").frame()
    assert list(frame["id"]) == [book["id"] for book in library.books]
    assert [str(kind) for kind in frame.dtypes[["id", "lent_at"]]] == ["Int64", "datetime64[us, UTC]"]
    assert library.asked == ["limit=100&offset=0", "limit=100&offset=3", "limit=100&offset=6"]


def test_a_list_whose_total_is_not_met_is_an_error(lua: Session, library: Library) -> None:
    library.fault = "total too high"
    with pytest.raises(errors.BadAnswerError, match="empty page after 7 records"):
        lua.run("return #app.integrations.shelf.list_books()")


def test_a_list_argument_asks_for_each_item(lua: Session) -> None:
    result = lua.run("return app.integrations.shelf.get_book({ book_id = { 2, 3 } })")
    assert [(row["book_id"], row["title"]) for row in result.value] == [(2, "Volume 2"), (3, "Volume 3")]


def test_the_message_of_the_service_is_in_the_error(lua: Session, library: Library) -> None:
    library.fault = "no readers"
    with pytest.raises(errors.RefusedError, match="422: Nobody reads"):
        lua.run("return app.integrations.shelf.list_readers()")


def test_an_error_about_what_holds_secrets_does_not_quote_the_service(lua: Session) -> None:
    with pytest.raises(errors.RefusedError, match=r"answered 404\. Check the name") as caught:
        lua.run("return app.integrations.shelf.get_book({ book_id = 99 })")
    assert "No such book" not in str(caught.value)


def test_fields_with_the_names_of_secrets_are_hidden_wherever_they_are(lua: Session) -> None:
    text = lua.run(
        "local shelf = app.integrations.shelf print(json.encode(shelf.list_readers()[1].config))"
        " return shelf.get_book({ book_id = 1 }).access_token"
    )
    assert "canary" not in f"{text.output}{text.value}"
    assert '"key": "no secret"' in text.output
    assert text.value == "[redacted]"


def test_only_the_settings_of_the_user_open_a_field_with_the_name_of_a_secret(library: Library, settings: Path) -> None:
    (settings / "settings" / "config.toml").write_text(
        '[integrations.shelf]\nopen_fields = "access_token"\n', encoding="utf-8"
    )
    code, result = document("integrations:call", "shelf.get_book", "--book-id", "2", "--json")
    assert (code, result["data"]["access_token"]) == (0, "canary-3")
    _, result = document("integrations:call", "shelf.list_readers", "--json")
    assert "canary" not in json.dumps(result)


def test_a_list_whose_end_nobody_states_has_a_note(lua: Session) -> None:
    notes = lua.run("return #app.integrations.shelf.list_readers()").notes
    assert any("nobody says how this list ends" in note for note in notes)


def test_the_user_may_say_how_the_pages_of_a_list_follow(settings: Path) -> None:
    add("shelf", write(settings, paged_document()), set())
    configure = ("integrations:configure", "shelf", "--pages")
    code, said = document(*configure, "list_unstated=offset", "--json")
    assert (code, said["settings"]["pages"]) == (0, {"list_unstated": "offset"})
    code, called = document("integrations:call", "shelf.list_unstated", "-a", "demo", "--json")
    assert code == 0
    assert "complete" not in called["meta"]
    assert document(*configure, "list_unstated=document", "--json")[1]["settings"]["pages"] is None
    for wrong, message in (("list_unstated=all", "the kinds are"), ("get_author=whole", "is no list of a service")):
        assert message in kosmo(*configure, wrong).stderr
    assert "is no list of a service" in kosmo("integrations:configure", "heroku", "--pages", "list_apps=whole").stderr


def test_a_check_of_a_list_whose_end_nobody_states_is_not_checked(library: Library, settings: Path) -> None:
    head = "-- title: Readers\n-- severity: low\n-- why: To know.\n-- do: Nothing.\n-- scope: read\n-- key: name\n"
    write(settings, f"{head}return app.integrations.shelf.list_readers()\n", "readers.lua")
    done = kosmo("check", str(settings / "readers.lua"), "--json", "-a", "default")
    [check] = json.loads(done.stdout)["checks"]
    assert "nobody says whether `shelf.list_readers` is complete" in json.dumps(check)


def test_a_check_and_a_table_may_be_about_an_added_service(
    library: Library, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings / "settings" / "questions"
    folder.mkdir(parents=True)
    (settings / "settings" / "config.toml").write_text('[checks]\nfolder = "questions"\n', encoding="utf-8")
    head = "-- title: {}\n-- service: shelf\n-- key: id\n"
    lua = "return list.map(shelf.list_books(), function(one) return { id = one.id, title = one.title } end)\n"
    about = "-- about: Each of them.\n-- columns: id, title\n"
    write(folder, f"{head.format('All books')}{about}{lua}", "volumes.lua")
    why = "-- severity: low\n-- why: To know.\n-- do: Nothing.\n-- scope: read\n"
    write(folder, f"{head.format('Books there are')}{why}return shelf.tables.volumes()\n", "books.lua")
    expected = [{"id": book["id"], "title": book["title"]} for book in library.books]

    code, report = document("check", "books", "--at", "2026-11-20", "--json")
    named = {"SHELF_TOKEN_NIGHT": TOKEN, "SHELF_API_URL_NIGHT": os.environ["SHELF_API_URL"]}
    _, other = document("check", "books", "-a", "night", "--json", env=named)
    assert other["checks"][0]["findings"] == report["checks"][0]["findings"]
    _, printed = document("inventory", "--table", "volumes", "--json")
    _, found = document("integrations:search", "all", "books", "--json")
    with Session() as session:
        context = NotebookContext(session, ask=ask_in_cell, display=lambda _: None)
        in_cells = [run_command(line, context) for line in ("check books", "table volumes")]
    assert code == 1
    assert [finding["record"] for finding in report["checks"][0]["findings"]] == expected
    assert printed["rows"] == expected
    assert [list(rows) for rows in in_cells] == [expected, expected]
    assert "shelf.tables.volumes" in [table["page"] for table in found["tables"]]


def test_what_is_not_stated_is_in_the_document_of_a_call(library: Library) -> None:
    _, result = document("integrations:call", "shelf.list_readers", "--json")
    assert result["meta"]["complete"] == "unstated"
    assert "complete" not in document("integrations:call", "shelf.list_books", "--json")[1]["meta"]


def test_a_misspelt_function_and_a_misspelt_field_are_corrected(lua: Session) -> None:
    with pytest.raises(errors.UnknownNameError, match="list_books"):
        lua.run("return app.integrations.shelf.list_boks()")
    with pytest.raises(errors.UnknownFieldError, match="title"):
        lua.run("return app.integrations.shelf.get_book({ book_id = 1 }).titel")


def test_the_reference_has_a_page_for_each_function(library: Library) -> None:
    page = docs.read("shelf.list_books")
    assert "All books" in page
    assert "GET /books" in page
    assert "`lent_at`" in page
    assert "nobody knows whether it is complete" in docs.read("shelf.list_readers")


def test_a_search_reads_names_summaries_and_fields_of_an_added_service_and_makes_no_function(library: Library) -> None:
    service = integrations.find("shelf")
    for words in ("all books", "books", "lent_at"):
        assert "shelf.list_books" in [page.page for page in search_pages(words)]
    assert service.table.existing() == []
    [first, *_] = search_pages("lent_at")
    assert (first.page, [column.name for column in matching_columns(first, "lent_at")]) == (
        "shelf.list_books",
        ["lent_at"],
    )


def test_the_same_function_is_called_in_the_shell(library: Library) -> None:
    code, result = document("integrations:call", "shelf.get_book", "--book-id", "2", "--json")
    assert (code, result["data"]["title"]) == (0, "Volume 2")


def test_a_recorded_run_is_replayed_without_the_service_and_has_no_secret_in_it(
    library: Library, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = "local s = app.integrations.shelf return #s.list_books(), s.get_book(1).access_token, #s.list_readers()"
    saved = settings / "run.kosmo"
    recorded = kosmo("integrations:lua", "-e", run, "--record", str(saved))
    monkeypatch.delenv("SHELF_TOKEN")
    monkeypatch.setenv("SHELF_API_URL", "http://127.0.0.1:1")
    replayed = kosmo("integrations:lua", "-e", run, "--replay", str(saved))
    assert replayed.stdout == recorded.stdout == "7\t[redacted]\t1\n"
    assert b"canary" not in saved.read_bytes()


def test_the_command_says_what_it_added_and_removes_it_again(settings: Path) -> None:
    path = write(settings, shelf_document())
    _, added = document("integrations:add", "shelf", str(path), "--json")
    assert (added["functions"], added["lists"]) == (3, {"offset": 1, "unstated": 1})
    assert (added["host"], added["variable"], added["hidden"]) == ("shelf.example", "SHELF_TOKEN", ["access_token"])
    assert added["left_out"] == [{"path": "GET /cover", "reason": "its answer is no JSON"}]
    assert "shelf.list_books" in kosmo("integrations:list").stdout
    assert document("integrations:remove", "shelf", "--json")[1]["done"] == "removed"
    assert "shelf" not in kosmo("integrations:list").stdout
    assert kosmo("integrations:remove", "shelf").returncode == 1


def test_functions_keep_their_names_when_a_newer_document_replaces_the_first(settings: Path) -> None:
    paths = {"/users/{name}/books": get({"type": "array", "items": BOOK}, "Books of somebody")}
    path = write(settings, shelf_document(paths=paths))
    assert list(add("shelf", path, set())["functions"]) == ["list_user_books"]
    with pytest.raises(errors.SettingsError, match="already"):
        add("shelf", path, set())
    write(settings, shelf_document(paths=paths | {"/user/books": get({"type": "array", "items": BOOK}, "My books")}))
    table = add("shelf", path, set(), replace=True)
    functions = table["functions"]
    [added] = [line for line in table["changes"] if line.startswith("+ ")]
    assert "/user/books" in added
    assert functions["list_user_books"]["path"] == "/users/{name}/books"
    assert integrations.find("shelf").function("list_user_books").links[0].path == "/users/{name}/books"


@pytest.mark.parametrize("name", ["heroku", "demo", "tables", "string", "list", "Shelf", "../x", "a" * 41])
def test_a_name_that_means_something_else_is_refused(settings: Path, name: str) -> None:
    done = kosmo("integrations:add", name, str(write(settings, shelf_document())))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert name not in ["demo", *integrations.names()][1 + len(integrations.BUILT_IN) :]


def test_a_document_may_be_yaml(settings: Path) -> None:
    import yaml

    path = write(settings, yaml.safe_dump(shelf_document()), "shelf.yaml")
    assert len(add("shelf", path, set())["functions"]) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no `paths`"),
        ("{", "no JSON"),
        ("[" * 200 + "]" * 200, "inside each other"),
        ("a: &a [*a]", "values"),
        ("a: !!python/object/apply:os.system [id]", "can be read"),
        ('{"paths": {"/a": {"get": {}}}, "openapi": "3.0.0"}', "Nothing in this document"),
    ],
)
def test_what_is_no_document_is_refused_with_the_reason(settings: Path, content: str, message: str) -> None:
    with pytest.raises(errors.SettingsError, match=message):
        add("shelf", write(settings, content), set())
    assert "shelf" not in integrations.names()


def test_a_document_of_yaml_that_multiplies_itself_is_not_read_forever(settings: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(errors.SettingsError, match="more than 6,000,000 values, as its aliases repeat them"):
        add("shelf", write(settings, "\n".join(lines)), set())


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ([], "does not say where the API is"),
        ([{"url": "http://shelf.example"}], "no https address"),
        ([{"url": "https://me:secret@shelf.example"}], "has a user"),
    ],
)
def test_an_address_to_which_no_token_may_be_sent_is_refused(settings: Path, server: Any, message: str) -> None:
    path = write(settings, shelf_document(servers=server))
    with pytest.raises(errors.SettingsError, match=message):
        add("shelf", path, set())
    assert add("shelf", path, set(), address="https://other.example/v1")["service"]["url"] == "https://other.example/v1"


def test_a_token_is_sent_to_the_host_of_the_document_only(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELF_API_URL", "https://evil.example")
    with Session() as lua, pytest.raises(errors.CredentialsError, match=r"leads to evil\.example"):
        lua.run("return app.integrations.shelf.list_books()")


def test_a_service_whose_file_is_broken_says_so(settings: Path) -> None:
    add("shelf", write(settings, shelf_document()), set())
    file = settings / "settings" / "services" / "shelf.facts"
    file.write_text('{"format": 2}\n', encoding="utf-8")
    with pytest.raises(errors.SettingsError, match="Add the service again"):
        integrations.find("shelf")
    with pytest.raises(errors.SettingsError, match="was added"):
        remove("other")


def test_a_name_of_a_file_is_no_name_of_a_service(settings: Path) -> None:
    with pytest.raises(errors.InvalidArgumentsError, match="no name of a service"):
        add("../../evil", write(settings, shelf_document()), set())


def test_the_account_demo_of_a_service_needs_no_token_and_its_identifiers_lead_to_each_other(settings: Path) -> None:
    add("shelf", write(settings, paged_document()), set())
    with Session() as lua:
        result = lua.run(
            "local shelf = app.integrations.shelf.demo"
            " local authors, books = shelf.list_authors(), shelf.list_counted()"
            " local author = shelf.get_author(books[1].author_id)"
            " local own = shelf.list_author_books({ author_id = { authors[1].id, author.id } })"
            " return #authors, #books, author.id == books[1].author_id, own[1].author_id == authors[1].id,"
            " author.api_key, pcall(shelf.get_author, 'nobody')"
        )
    assert result.values[:5] == [250, 250, True, True, "[redacted]"]
    assert result.values[5] is False
    assert "404" in str(result.values[6])


def test_the_look_alike_of_a_service_is_served_to_other_programs(settings: Path) -> None:
    add("shelf", write(settings, paged_document()), set())
    with started("demo:serve", "--service", "shelf", "--records", "7", "--fault", "total-too-high") as server:
        assert server.stdout is not None
        served = dict(server.stdout.readline().strip().split("=", 1) for _ in range(2))
        url, token = served["SHELF_API_URL"], served["SHELF_TOKEN"]
        right = {"Authorization": f"Bearer {token}"}
        first = httpx.get(f"{url}/v1/counted?per_page=3&page=3", headers=right).json()
        assert (len(first["data"]), first["total_count"]) == (1, 9)
        assert httpx.get(f"{url}/v1/counted").status_code == 401
        assert httpx.get(f"{url}/v1/counted?page=x", headers=right).status_code == 422
        assert httpx.get(f"{url}/v1/nothing", headers=right).status_code == 404
        server.send_signal(signal.SIGINT)
    assert server.returncode == 130


def test_a_look_alike_fails_as_networks_do(settings: Path) -> None:
    add("shelf", write(settings, paged_document()), set())
    with started("demo:serve", "--service", "shelf", "--fault", "429=1", "--fault", "link-lost") as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip().partition("=")[2]
        reply = httpx.get(f"{url}/v1/linked")
        assert (reply.status_code, reply.headers["Retry-After"]) == (429, "1")
        server.send_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--service", "shelf", "--apps", "3"], "--apps does not go with --service"),
        (["--records", "3"], "--records goes with --service"),
        (["--fault", "link-lost"], "The fault `link-lost` goes with --service"),
        (["--service", "shelf", "--fault", "link-lost", "--fault", "html"], "one fault at a time"),
        (["--service", "heroku"], "Heroku was not added from a document"),
    ],
)
def test_options_that_mean_nothing_for_what_is_served_are_refused(
    settings: Path, options: list[str], message: str
) -> None:
    add("shelf", write(settings, paged_document()), set())
    assert message in kosmo("demo:serve", *options).stderr


def test_a_document_is_read_again_from_where_it_was(settings: Path) -> None:
    write(settings, shelf_document())
    path = settings / "shelf.json"
    assert kosmo("integrations:add", "shelf", str(path)).returncode == 0
    paths = shelf_document()["paths"]
    del paths["/readers"]
    write(settings, shelf_document(paths=paths | {"/shops": get({"type": "array", "items": BOOK}, "Shops")}))
    code, checked = document("integrations:update", "shelf", "--check", "--json")
    assert (code, [line[:14] for line in checked["changes"]]) == (0, ["- list_readers", "+ list_shops: "])
    assert "list_readers" in integrations.find("shelf").names()
    assert document("integrations:update", "shelf", "--json")[1]["changes"] == checked["changes"]
    assert "list_shops" in integrations.find("shelf").names()
    assert kosmo("integrations:update", "shelf").stdout == "0 functions of The Shelf changed.\n"


def test_a_newer_document_with_another_host_is_refused(settings: Path) -> None:
    add("shelf", write(settings, shelf_document()), set())
    write(settings, shelf_document(servers=[{"url": "https://evil.example"}]))
    done = kosmo("integrations:update", "shelf")
    assert done.returncode == 1
    assert "evil.example" in done.stderr
    assert integrations.find("shelf").base_url == "https://shelf.example"


def test_a_document_is_downloaded_without_a_token_within_its_bounds(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def site(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked.append(environ)
        path = environ["PATH_INFO"]
        if path == "/moved":
            return answer(start_response, "302 Found", {}, {"Location": "/shelf.json"})
        if path == "/away":
            return answer(start_response, "302 Found", {}, {"Location": "http://shelf.example/shelf.json"})
        if path == "/circle":
            return answer(start_response, "302 Found", {}, {"Location": "/circle"})
        return answer(start_response, "200 OK" if path == "/shelf.json" else "404 Not Found", shelf_document())

    monkeypatch.setenv("SHELF_TOKEN", TOKEN)
    with serve(site) as served:
        assert kosmo("integrations:add", "shelf", f"{served.url}/moved").returncode == 0
        assert kosmo("integrations:update", "shelf").stdout == "0 functions of The Shelf changed.\n"
        for path, message in (("away", "no https address"), ("circle", "redirects"), ("none", "answered with 404")):
            assert message in kosmo("integrations:add", "other", f"{served.url}/{path}").stderr
        with pytest.raises(errors.SettingsError, match="more than 0 MiB"):
            download(f"{served.url}/shelf.json", 10)
    assert {environ.get("HTTP_AUTHORIZATION") for environ in asked} == {None}
    assert "no https address" in kosmo("integrations:add", "other", "http://shelf.example/shelf.json").stderr


@pytest.fixture
def known_shelf(settings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Serve the document of a service that is known by the name `shelf`, and yield the paths that were asked for."""
    asked: list[str] = []

    def site(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/moved":
            return answer(start_response, "302 Found", {}, {"Location": "http://localhost:1/shelf.json"})
        return answer(start_response, "200 OK", shelf_document())

    with serve(site) as served:
        known = KnownService("Shelf", "shelf.example", f"{served.url}/shelf.json", "SHELF_KEY", "ask", prefix="Shelf ")
        monkeypatch.setitem(KNOWN, "shelf", known)
        monkeypatch.setitem(KNOWN, "moved", known._replace(document=f"{served.url}/moved"))
        monkeypatch.setattr(added_services, "DOCUMENT_HOSTS", {urlsplit(served.url).netloc})
        yield asked


def test_the_document_of_a_service_that_is_known_by_name_is_downloaded(known_shelf: list[str]) -> None:
    done = CliRunner().invoke(added_services.add, ["shelf"])
    assert "Added Shelf: 3 functions." in done.output
    credentials = integrations.find("shelf").credentials
    assert (credentials.env, credentials.headers("k")) == ("SHELF_KEY", {"Authorization": "Shelf k"})
    assert CliRunner().invoke(added_services.update, ["shelf"]).output == "0 functions of Shelf changed.\n"
    assert known_shelf == ["/shelf.json", "/shelf.json"]
    assert "already" in str(CliRunner().invoke(added_services.add, ["shelf"]).exception)
    assert len(known_shelf) == 2  # nothing is downloaded for it


def test_a_known_document_is_read_from_its_own_hosts_only(known_shelf: list[str]) -> None:
    done = CliRunner().invoke(added_services.add, ["moved"])
    assert "is none of the addresses of known documents" in str(done.exception)
    assert known_shelf == ["/moved"]


def test_a_service_that_is_not_known_needs_a_document(settings: Path) -> None:
    done = kosmo("integrations:add", "shelf")
    assert done.returncode == 2
    assert "Known by name are cloudflare, fly, github, pagerduty, sentry." in done.stderr


def test_without_a_network_the_error_says_what_needs_none(settings: Path) -> None:
    done = kosmo("integrations:add", "github", env={"HTTPS_PROXY": "http://127.0.0.1:1"})
    assert done.returncode == 1
    assert "api.github.com.json cannot be read" in done.stderr
    assert "A document in a file needs no network: kosmo integrations:add github FILE" in done.stderr


def test_a_host_that_only_ends_like_that_of_a_known_service_is_another_one() -> None:
    sentry = KNOWN["sentry"]
    assert sentry.is_at("https://us.sentry.io/api")
    assert not sentry.is_at("https://notsentry.io")
    assert not sentry.is_at("https://sentry.io.evil.example")


def test_what_a_newer_document_changes_is_known_before_it_is_written(settings: Path) -> None:
    path = write(settings, shelf_document())
    add("shelf", path, set())
    paths = shelf_document()["paths"]
    del paths["/readers"]
    write(settings, shelf_document(paths=paths))
    seen: list[bool] = []

    def announce(table: Mapping[str, Any]) -> bool:
        assert len(table["changes"]) == 1
        seen.append("list_readers" in integrations.find("shelf").names())
        return True

    update("shelf", path, announce)
    assert seen == [True]
    assert "list_readers" not in integrations.find("shelf").names()


def test_a_token_is_sent_in_the_form_that_is_known_of_a_service(settings: Path) -> None:
    key = {"securitySchemes": {"api_key": {"type": "apiKey", "name": "Authorization", "in": "header"}}}
    parts = {"components": key, "security": [{"api_key": []}], "servers": [{"url": "https://api.pagerduty.com"}]}
    add("pagerduty", write(settings, shelf_document(**parts)), set())
    known = integrations.find("pagerduty").credentials
    assert (known.env, known.headers("k")) == ("PAGERDUTY_TOKEN", {"Authorization": "Token token=k"})
    parts["servers"] = [{"url": "https://pagerduty.example"}]
    add("pagerduty", write(settings, shelf_document(**parts)), set(), replace=True)
    other = integrations.find("pagerduty").credentials
    assert (other.env, other.headers("k")) == ("PAGERDUTY_API_KEY", {"Authorization": "k"})


def test_a_parameter_since_of_a_service_is_its_own(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    event = {"type": "object", "properties": {"id": INTEGER, "created_at": STRING | {"format": "date-time"}}}
    since = query("since") | {"schema": STRING}
    paths = {"/events": get({"type": "array", "items": event}, "What was changed", since)}
    add("log", write(settings, shelf_document(paths=paths)), set())
    asked: list[str] = []

    def log(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked.append(environ["QUERY_STRING"])
        return answer(start_response, "200 OK", [{"id": 1, "created_at": "2020-01-01T00:00:00Z"}])

    monkeypatch.setenv("LOG_TOKEN", TOKEN)
    with serve(log) as served, Session() as lua:
        monkeypatch.setenv("LOG_API_URL", served.url)
        for text in ("2026-01-01T00:00:00Z", "yesterday"):
            assert lua.run(f"return #app.integrations.log.list_events({{ since = '{text}' }})").value == 1
    assert asked == ["since=2026-01-01T00%3A00%3A00Z", "since=yesterday"]
