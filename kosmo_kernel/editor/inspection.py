"""Show the documentation of the name at the cursor, or of the argument and call around it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from kosmo_kernel import accounts, docs, integrations
from kosmo_kernel.catalogue import Function
from kosmo_kernel.docs.reference import of_function
from kosmo_kernel.editor.completion import Argument, argument_at, arguments_of
from kosmo_kernel.editor.resolver import (
    CallResult,
    CallSite,
    Chain,
    LiveState,
    Meaning,
    Resolver,
    Written,
    call_result_of,
    integration_at,
    library,
)
from kosmo_kernel.pages import Writer, in_both_forms
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.safety.markup import Markdown, Markup, code_span, fenced, markdown_of_package
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.text import lazy_pattern

# A comment in long brackets that begins and ends on lines of its own, at the end of a text.
_BLOCK_COMMENT = lazy_pattern(r"(?:\A|\n)[ \t]*--\[\[((?:(?!\]\]|--\[\[)[\s\S])*)\]\][ \t]*\Z")
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
    resolver = Resolver(code, live)
    source = resolver.source
    at_cursor = (at for at, token in enumerate(source.tokens) if token.start <= cursor <= token.end)
    name = next((at for at in at_cursor if source.kinds[at] == "name"), None)
    page: docs.Page | None = None
    if name is not None:
        site = next(resolver.calls_around(name), None)
        is_key = site is not None and site.table == source.opener[name] and source.words[name + 1] == "="
        page = _page_of_argument(resolver, site, source.words[name]) if site and is_key else None
        page = page or _page_of(resolver, resolver.before(name + 1), detail)
    resolver = Resolver(code[:cursor], live)
    for site in resolver.calls_around(resolver.source.size):
        page = page or _page_of_argument(resolver, site, site.key)
        page = page or _page_of(resolver, resolver.before(site.at), detail)
    return page


def explain(name: str, live: LiveState | None, detail: int = 0) -> docs.Page:
    """Return the documentation of a name, as `inspect` does, or the page of the reference with this name.

    Raises:
        UnknownNameError: there is neither.
    """
    return inspect(name, len(name), live, detail) or docs.read(name)


def _page_of(resolver: Resolver, meaning: Meaning, detail: int) -> docs.Page | None:
    if function := resolver.function_at(meaning):
        return _page_of_function(function)
    if entry := library().get(resolver.library_name(meaning)):
        page = Markdown("{}\n\n{}")
        return docs.Page(page.format(fenced(entry.signature, "lua"), markdown_of_package(entry.doc)))
    match meaning:
        case CallResult():
            return _page_of_result(meaning)
        case Written():
            return _page_of_written(resolver, meaning, detail)
        case tuple():
            return _page_of_path(resolver, meaning, detail)
    return None


def _page_of_path(resolver: Resolver, path: Chain, detail: int) -> docs.Page | None:
    info = resolver.state.resolve(path)
    if "page" in info:
        page: docs.Page = info["page"]
        return page
    chain = resolver.state.namespace(path)
    integration, above = integration_at(chain), integration_at(chain[:-1])
    if above is not None and chain[-1] in (accounts.DEFAULT, *accounts.names(above)):
        integration = above
    if integration is not None:
        return docs.read(integration.name)
    result = call_result_of(info)
    if result is not None and result.path:
        return _page_of_result(result)
    return _page_of_value(path, info, result, detail) if info else None


# The catalogue and the library


def _page_of_function(function: Function) -> docs.Page:
    """Return the page of a function, with its signature and its parameters first."""
    home, reference = _reference(function)
    signature = fenced(f"{home}.{function.signature}", "lua")
    about = (_about(code_span(argument.name), argument) for argument in arguments_of(function))
    parameters = Markdown("\n").join(Markdown("- {}").format(line) for line in about)
    page = Markdown("{}\n\n{}\n\n---\n\n{}" if parameters else "{}{}\n\n---\n\n{}")
    return docs.Page(page.format(signature, parameters, reference.markdown))


def _reference(function: Function) -> tuple[str, docs.Page]:
    """Return the name of the integration of a function, and the function's page in the reference."""
    home = next(integration for integration in integrations.load_all() if function in integration.functions)
    return home.name, docs.page_of(of_function(home, function))


def _about(name: Markdown, argument: Argument) -> Markdown:
    """Return a line on an argument after its name."""
    needed = ", required" if argument.required else ""
    return Markdown("{} ({}{}): {}").format(name, argument.kind, needed, markdown_of_package(argument.doc))


def _page_of_argument(resolver: Resolver, site: CallSite, name: str) -> docs.Page | None:
    """Return the page about an argument, with the page about its function below."""
    argument, below = argument_at(resolver, site, name), _page_of(resolver, resolver.before(site.at), 0)
    if not argument.doc or below is None:
        return None
    about = _about(Markdown("**{}**").format(argument.name), argument)
    return docs.Page(Markdown("{}\n\n---\n\n{}").format(about, below.markdown))


def _page_of_result(result: CallResult) -> docs.Page | None:
    """Return the page about the result of a function, or about a field of it."""
    function, of = result.function, Markdown("of a call that failed")
    if function is not None and not result.path and not result.is_inner:
        (_, page), what = _reference(function), "A list of records" if result.many else "A record"
        return docs.Page(Markdown("{} of {}\n\n{}").format(what, code_span(function.name), page.markdown))
    if function is not None:
        of = Markdown("of what {} returns").format(code_span(function.name))
    lines = [
        markdown_of_package(
            f"- `{column.name}` ({column.kind}{', may be nil' if column.nullable and column.default is None else ''})"
            f"{column.doc and f': {column.doc}'}"
        )
        for column in result.columns
    ]
    path = (
        Markdown("**{}** {}").format(".".join(result.path), of) if result.path else Markdown("A record {}").format(of)
    )
    return docs.Page(Markdown("\n").join([path, "", *lines])) if lines else None


# The user's own functions and values


def _page_of_written(resolver: Resolver, written: Written, detail: int) -> docs.Page:
    """Return the page about a function or a table in the text."""
    source, start = resolver.source, written.at
    last = min(source.after(start), source.size) - 1
    text, line = source.code[source.tokens[start].start : source.tokens[last].end], source.line(start)
    if source.words[start] == "{":
        return docs.Page(Markdown("**table**, made on line {}\n\n{}").format(line, fenced(_shorten(text), "lua")))
    name, parameters = "".join(source.words[start + 1 : source.head(start)]), source.parameters(start)
    head = f"{name or 'function'}({', '.join(parameters[':' in name :])})"
    lines = source.code.split("\n")[line - 1 : source.line(last)]
    comment = _comment_above(source.code, line)
    return _page_of_user_function(head, f"line {line} of this cell", comment, "\n".join(lines) if detail else "")


def _page_of_value(path: Chain, info: dict[str, Any], answer: CallResult | None, detail: int) -> docs.Page:
    """Return the page about a value that exists only in the live state."""
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    if source := info.get("source"):
        line, chunk = int(info.get("line", 0)), escape_control(str(info.get("chunk", "")))
        parameters = info.get("params")
        head = source.partition("\n")[0].strip() if parameters is None else f"{name}({parameters})"
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
    above = "\n".join(code.split("\n")[: line - 1])
    if match := _BLOCK_COMMENT.search(above):
        return match[1].strip()
    lines = list(takewhile(lambda text: text.lstrip().startswith("--"), reversed(above.split("\n"))))
    return "\n".join(text.strip().lstrip("-").strip() for text in reversed(lines))


def _shorten(text: str) -> str:
    return shortened(text, MAX_TEXT_LENGTH)
