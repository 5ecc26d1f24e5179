"""Show the documentation of the name at the cursor, or of the argument and call around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kosmo_kernel import accounts, docs, integrations
from kosmo_kernel.catalogue import Column, Function, Integration
from kosmo_kernel.docs.reference import of_function
from kosmo_kernel.editor.completion import Argument, arguments_of, options_of
from kosmo_kernel.editor.inference import (
    CallResult,
    CallSite,
    InferredType,
    LiveState,
    NamePath,
    StringType,
    TableLiteral,
    TypeInferrer,
    integration_at,
    library,
)
from kosmo_kernel.lua_syntax.nodes import FunctionDefinition, TableConstructor
from kosmo_kernel.lua_syntax.parser import tokens_of
from kosmo_kernel.pages import Writer, in_both_forms
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.safety.markup import Markdown, Markup, code_span, fenced, markdown_of_package
from kosmo_kernel.safety.text import shortened

MAX_TEXT_LENGTH = 4000  # characters of a value's text or source that are shown


def inspect(code: str, cursor: int, live: LiveState | None, detail: int = 0) -> docs.Page | None:
    """Return the documentation of the name at the cursor or, without one, of the surrounding argument and call.

    Incomplete or invalid code is not an error.

    Parameters:
        code, cursor, live: as for `complete`.
        detail: 1 includes the source of the user's own functions.

    Returns:
        Markdown, or None when nothing is known.
    """
    reader = TypeInferrer(code, live)
    tokens, words = reader.tokens, reader.tree.words
    name = next((i for i, t in enumerate(tokens) if t.kind == "name" and t.start <= cursor <= t.end), None)
    at = next((i for i, t in enumerate(tokens) if t.end > cursor), len(tokens))
    if name is not None:
        site = next(reader.calls_around(name), None)
        entries = site.table.entries if site and site.table and words[name + 1] == "=" else []
        is_key = any(entry.start == name for entry in entries)
        page = _argument(reader, site, words[name]) if site and is_key else None
        page = page or _page_of_type(reader, reader.type_before(name + 1), detail)
        if page is not None:
            return page
    for site in reader.calls_around(at):
        page = _argument(reader, site, site.key) or _page_of_type(reader, reader.value(site.call.base), detail)
        if page is not None:
            return page
    return None


def explain(name: str, live: LiveState | None, detail: int = 0) -> docs.Page:
    """Return the documentation of a name, as `inspect` does, or the page of the reference with this name.

    Raises:
        UnknownNameError: there is neither.
    """
    return inspect(name, len(name), live, detail) or docs.read(name)


def _page_of_type(reader: TypeInferrer, meaning: InferredType | None, detail: int) -> docs.Page | None:
    page: docs.Page | None = None
    match meaning:
        case CallResult():
            page = _page_of_result(meaning)
        case StringType():
            page = _entry("string")
        case FunctionDefinition():
            page = _page_of_function(reader, meaning, detail)
        case TableLiteral(node=node):
            page = _page_of_table(reader, node)
        case NamePath():
            page = _page_of_path(reader, meaning, detail)
    return page


def _page_of_path(reader: TypeInferrer, path: NamePath, detail: int) -> docs.Page | None:
    function = reader.function_at(path)
    if function is not None:
        return _function(function)
    if name := reader.library_name(path):
        return _entry(name)
    info = reader.state.resolve(path.chain)
    chain = tuple(str(info["space"]).split(".")) if info and info.get("space") else path.chain
    integration, above = integration_at(chain), integration_at(chain[:-1])
    if above is not None and chain[-1] in (accounts.DEFAULT, *accounts.names(above)):
        integration = above
    if integration is not None:
        return docs.read(integration.name)
    answer = reader.call_result_at(path)
    if answer is not None and answer.path:
        return _page_of_type(reader, answer, detail)
    return _page_of_value(path, info, answer, detail) if info else None


# The catalogue and the library


def _function(function: Function) -> docs.Page:
    """Return the page of a function, with its signature and its parameters first."""
    signature = fenced(f"{_home(function).name}.{function.signature}", "lua")
    about = (_about(code_span(argument.name), argument) for argument in arguments_of(function))
    parameters = Markdown("\n").join(Markdown("- {}").format(line) for line in about)
    page = Markdown("{}\n\n{}\n\n---\n\n{}" if parameters else "{}{}\n\n---\n\n{}")
    return docs.Page(page.format(signature, parameters, _reference(function).markdown))


def _reference(function: Function) -> docs.Page:
    return docs.page_of(of_function(_home(function), function))


def _home(function: Function) -> Integration:
    return next(i for i in integrations.load_all() if function in i.functions)


def _about(name: Markdown, argument: Argument) -> Markdown:
    """Return a line on an argument after its name."""
    needed = ", required" if argument.required else ""
    return Markdown("{} ({}{}): {}").format(name, argument.kind, needed, markdown_of_package(argument.doc))


def _page_of_result(answer: CallResult) -> docs.Page | None:
    """Return the page about the result of a function, or about a field of it."""
    function = answer.function
    if function is None:
        title = "of a call that failed" if answer.path else "What is known of a call that failed"
        return _fields(answer.columns, answer.path, title)
    if answer.path or answer.is_inner:
        of = Markdown("of what {} returns") if answer.path else Markdown("A record in a list of what {} returns")
        return _fields(answer.columns, answer.path, of.format(code_span(function.name)))
    what = "A list of records" if answer.many else "A record"
    page = Markdown("{} of {}\n\n{}")
    return docs.Page(page.format(what, code_span(function.name), _reference(function).markdown))


def _argument(reader: TypeInferrer, site: CallSite, name: str) -> docs.Page | None:
    """Return the page about an argument, with the page about its function below."""
    meaning = reader.value(site.call.base)
    function = reader.function_at(meaning) if isinstance(meaning, NamePath) else None
    title = reader.library_name(meaning) if function is None else ""
    arguments = options_of(title, site.position) if function is None else arguments_of(function)
    if function is not None and site.table is None and site.position < len(function.params):
        name = function.params[site.position].name
    argument = next((argument for argument in arguments if argument.name == name), None)
    if argument is None:
        return None
    below = _entry(title) if function is None else _function(function)
    about = _about(Markdown("**{}**").format(argument.name), argument)
    return docs.Page(Markdown("{}\n\n---\n\n{}").format(about, below.markdown if below else ""))


def _fields(columns: Sequence[Column], path: tuple[str, ...], title: str) -> docs.Page | None:
    """Return the page about a field of a record, or about an object with such fields."""
    lines = [
        markdown_of_package(
            f"- `{column.name}` ({column.kind}{', may be nil' if column.nullable and column.default is None else ''})"
            f"{column.doc and f': {column.doc}'}"
        )
        for column in columns
    ]
    heading = Markdown("**{}** {}").format(".".join(path), title) if path else title
    return docs.Page(Markdown("\n").join([heading, "", *lines])) if lines else None


def _entry(name: str) -> docs.Page | None:
    if entry := library().get(name):
        page = Markdown("{}\n\n{}")
        return docs.Page(page.format(fenced(entry.signature, "lua"), markdown_of_package(entry.doc)))
    return None


# The user's own functions and values


def _page_of_function(reader: TypeInferrer, function: FunctionDefinition, detail: int) -> docs.Page:
    """Return the page about a function in the text."""
    line = reader.tree.line(function.start)
    last = reader.tree.line(min(function.end, len(reader.tokens)) - 1)
    head = f"{function.name or 'function'}({', '.join(function.parameters[':' in function.name :])})"
    source = "\n".join(reader.code.split("\n")[line - 1 : last])
    return _page_of_user_function(
        head, f"line {line} of this cell", _comment_above(reader.code, line), source if detail else ""
    )


def _page_of_table(reader: TypeInferrer, table: TableConstructor) -> docs.Page:
    """Return the page about a table in the text."""
    start, end = reader.tokens[table.start].start, reader.tokens[min(table.end, len(reader.tokens)) - 1].end
    page = Markdown("**table**, made on line {}\n\n{}")
    return docs.Page(page.format(reader.tree.line(table.start), fenced(_shorten(reader.code[start:end]), "lua")))


def _page_of_value(path: NamePath, info: dict[str, Any], answer: CallResult | None, detail: int) -> docs.Page:
    """Return the page about a value that exists only in the live state."""
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path.chain).lstrip(".")
    if source := info.get("source"):
        line, chunk = int(info.get("line", 0)), escape_control(str(info.get("chunk", "")))
        parameters = info.get("params")
        head = source.partition("\n")[0].strip() if parameters is None else _call(name, parameters, method=path.method)
        comment = _comment_above(str(info.get("script", "")), line)
        return _page_of_user_function(head, f"{chunk} line {line}", comment, source if detail else "")
    text = _shorten(str(info.get("text", "")))

    def blocks(form: Writer) -> Iterator[Markup]:
        kind = form.text(escape_control(str(info.get("type", ""))))
        if answer is not None and answer.function is not None:
            kind = form.write("{} of {}", "list" if answer.many else "record", form.code(answer.function.name))
        yield form.write("**{}**: {}", escape_control(name), kind)
        if text:
            yield form.block(text, "")

    return in_both_forms(blocks, end="")


def _call(name: str, parameters: str, *, method: bool) -> str:
    """Return how a function is called; a method, whose first parameter is `self`, after a colon."""
    first, _, rest = parameters.partition(", ")
    if not method or first != "self":
        return f"{name}({parameters})"
    owner, _, last = name.rpartition(".")
    return f"{owner}:{last}({rest})"


def _page_of_user_function(head: str, location: str, comment: str, source: str) -> docs.Page:
    """Return the page about a user's function: how it is called, where it is defined, the comment above it."""

    def blocks(form: Writer) -> Iterator[Markup]:
        yield form.block(head, "lua")
        yield form.write("A function, {}.", location)
        if comment.strip():
            yield form.prose(_shorten(comment))
        if source:
            yield form.block(_shorten(source), "lua")

    return in_both_forms(blocks, end="")


def _comment_above(code: str, line: int) -> str:
    """Return the comment that ends on the line above, without its dashes, or an empty string."""
    if line < 2:
        return ""
    lines = code.split("\n")[: line - 1]
    start = sum(len(line_above) + 1 for line_above in lines)
    comments: list[str] = []
    for token in reversed(tokens_of("\n".join(lines))):
        is_alone = not code[code.rfind("\n", 0, token.start) + 1 : token.start].strip()
        if token.kind != "comment" or code.count("\n", token.end, start) != 1 or not is_alone:
            break
        comments.insert(0, _without_dashes(token.text))
        start = code.rfind("\n", 0, token.start) + 1
    return "\n".join(comments)


def _without_dashes(comment: str) -> str:
    level, bracket, text = comment.removeprefix("--[").partition("[")
    if comment.startswith("--[") and bracket and not level.strip("="):
        return text.removesuffix(f"]{level}]").strip()
    return comment.lstrip("-").strip()


def _shorten(text: str) -> str:
    return shortened(text, MAX_TEXT_LENGTH)
