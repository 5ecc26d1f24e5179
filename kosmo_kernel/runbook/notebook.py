"""A notebook to run: its parameters, and the two cells that a run adds.

One cell sets the parameters and follows the cell that declares them. The other reports the run and is placed below the
title. Both replace the cells of an earlier run.

The first cell with the tag `parameters` assigns each parameter its default, in the notebook's language; a comment at
the end of the line documents it. The default also determines the parameter's kind, so that `007` stays a string where
the default is one. Lua code is tokenized and Python code parsed; no cell is executed.

The shipped notebooks declare `account = "demo"`: in Jupyter they stay on the demo company, so that nobody's data gets
into a file under version control. A run writes a copy. It uses the default account, as every command does, and the demo
only on request. A notebook that declares another account keeps it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import Any

from kosmo_kernel import accounts, integrations
from kosmo_kernel.errors import InvalidArgumentsError, SettingsError, UnknownNameError
from kosmo_kernel.safety.decoder import DecodeError, check_json
from kosmo_kernel.safety.intake import MAX_DOCUMENT_BYTES, decode_text, read_file
from kosmo_kernel.safety.markup import Markdown
from kosmo_kernel.settings.installation import how_to_install, import_jsonschema
from kosmo_kernel.text import nearest
from kosmo_kernel.values.lua_literals import Parameter, literal, value_of
from kosmo_kernel.values.lua_tokens import Token, tokens_of

LUA, PYTHON = "lua", "python"
TAG = "parameters"  # of the cell that declares parameters; the same as in papermill
INJECTED = "injected-parameters"  # of the cell that sets parameters; the same as in papermill
ACCOUNT = "account"  # the parameter that `--account` sets
REPORT_TAG = "kosmo-run"  # the tag of the cell that reports the run

_LUA_KINDS = {"true": "boolean", "false": "boolean", "nil": "nil", "{": "table", "-": "number"}  # by the first token
_PYTHON_KINDS = {"bool": "boolean", "int": "number", "float": "number", "str": "string", "NoneType": "nil"}
_PYTHON_KINDS |= dict.fromkeys(("list", "dict", "tuple"), "table")
_DEPTHS = {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}
_QUOTED = re.compile(r"""(["'])([^"'\\]*)\1""")  # a string literal without escapes
_LINE_END = re.compile(r"\r\n?|\n")  # the line ends of Python's parser; `splitlines` has more


@dataclass(slots=True)
class Runbook:
    """A notebook to run."""

    path: Path  # the file
    notebook: Any  # its content as an nbformat node

    @property
    def language(self) -> str:
        """The language of the notebook's kernel in lower case, `python` if its metadata name none."""
        metadata = self.notebook.metadata
        name = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name") or PYTHON
        return str(name).lower()

    def parameters(self) -> list[Parameter]:
        """Return the declared parameters in order."""
        cell = self._cell(TAG)
        return [] if cell is None else parse_declarations(cell.source, self.language)

    @property
    def is_copy(self) -> bool:
        """Return whether this is the copy of an earlier run."""
        return self._cell(REPORT_TAG) is not None

    def set(self, values: Mapping[str, Any]) -> None:
        """Add the cell that sets these parameters, or replace the one of an earlier run."""
        import nbformat

        existing = self._cell(INJECTED)
        if existing is not None:
            self.notebook.cells.remove(existing)
        if values:
            code = f"{'--' if self.language == LUA else '#'} Parameters\n{assignments(values, self.language)}"
            cell = nbformat.v4.new_code_cell(code, metadata={"tags": [INJECTED]})
            self.notebook.cells.insert(self.notebook.cells.index(self._cell(TAG)) + 1, cell)

    def add_report(self, text: Markdown) -> None:
        """Set the text of the report cell, which is added if there is none."""
        import nbformat

        cell = self._cell(REPORT_TAG)
        if cell is None:
            cell = nbformat.v4.new_markdown_cell(metadata={"tags": [REPORT_TAG]})
            has_title = self.notebook.cells and self.notebook.cells[0].cell_type == "markdown"
            self.notebook.cells.insert(1 if has_title else 0, cell)
        cell.source = str(text)

    def _cell(self, tag: str) -> Any:
        return next((cell for cell in self.notebook.cells if tag in cell.metadata.get("tags", ())), None)


def read(path: Path) -> Runbook:
    """Read a notebook from a file.

    Raises:
        SettingsError: nbformat or nbclient is not installed.
        InvalidArgumentsError: the file cannot be read or is no notebook.
    """
    missing = [name for name in ("nbformat", "nbclient") if find_spec(name) is None]
    if missing:
        raise SettingsError(f"{' and '.join(missing)} run notebooks and are not installed. {how_to_install('run')}")
    import_jsonschema()
    import nbformat

    content = read_file(path, InvalidArgumentsError, most=MAX_DOCUMENT_BYTES)
    text = decode_text(content, path, InvalidArgumentsError)
    try:
        check_json(content)
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
    except DecodeError as error:
        raise InvalidArgumentsError(f"{path} has {error}.") from None
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, nbformat.ValidationError) as error:
        reason = str(error).split("\n", 1)[0][:200]
        raise InvalidArgumentsError(f"`{path}` is no notebook: {reason}") from None
    return Runbook(path, notebook)


def with_account(
    runbook: Runbook, values: Mapping[str, str], account: str | None, *, of_archive: str | None = None
) -> dict[str, str]:
    """Return the parameters of a run, with the parameter `account` if the notebook declares it.

    Parameters:
        runbook: the notebook.
        values: the values of parameters by name, as texts.
        account: the account that the user names, if any.
        of_archive: the account of the archive that answers the run; None if requests are sent.

    Raises:
        UnknownNameError: an account is named that the notebook cannot take.
        KosmoError: no account is set up, or the place of the token cannot be read.
    """
    declared = {parameter.name: parse_text(parameter.default) for parameter in runbook.parameters()}
    if ACCOUNT not in declared and account not in (None, accounts.DEMO):
        raise UnknownNameError(f"`{runbook.path}` declares no parameter `{ACCOUNT}`, so it cannot be given one.")
    is_chosen = account is None and (ACCOUNT in values or declared.get(ACCOUNT) != accounts.DEMO)
    if is_chosen or ACCOUNT not in declared:
        return dict(values)
    account = account or of_archive or (accounts.DEMO if accounts.demo_chosen() else None)
    if account is None and not any(accounts.DEFAULT in accounts.names(service) for service in integrations.load_all()):
        accounts.find(integrations.DEFAULT)  # raises the error that lists the ways
    return {**values, ACCOUNT: account or accounts.DEFAULT}


def parse_declarations(code: str, language: str) -> list[Parameter]:
    """Return the parameters that a cell declares in order: each top-level assignment to a single name.

    Cells in languages other than Lua and Python declare none.
    """
    return {LUA: _parse_lua, PYTHON: _parse_python}.get(language, lambda _: [])(code)


def values_of(parameters: Sequence[Parameter], texts: Mapping[str, str]) -> dict[str, Any]:
    """Parse the texts of parameters and return the values by name.

    Raises:
        UnknownNameError: the notebook declares no such parameter; the error lists the nearest names.
        InvalidArgumentsError: a value is not of the parameter's kind.
    """
    by_name = {parameter.name: parameter for parameter in parameters}
    for name in texts:
        if name not in by_name:
            reason = f"it has {', '.join(by_name)}" if by_name else f"no cell of it has the tag `{TAG}`"
            near = tuple(nearest(name, by_name))
            raise UnknownNameError(f"The notebook declares no parameter `{name[:64]}`: {reason}.", near)
    return {name: value_of(by_name[name], text) for name, text in texts.items()}


def parse_text(code: str) -> str | None:
    """Return the value of a string literal without escapes, in Lua or Python; None if the code is something else."""
    quoted = _QUOTED.fullmatch(code)
    return quoted and quoted[2]


def assignments(values: Mapping[str, Any], language: str) -> str:
    """Return the code that sets parameters, one assignment of a literal per line."""
    write = literal if language == LUA else repr
    return "\n".join(f"{name} = {write(value)}" for name, value in values.items())


def _parse_lua(code: str) -> list[Parameter]:
    """Return what statements of Lua declare; the end of a line or `;` ends a statement outside of brackets."""
    parameters, statement, depth, tokens = list[Parameter](), list[Token](), 0, [*tokens_of(code)]
    for token, following in zip_longest(tokens, tokens[1:]):
        statement.append(token)
        depth += _DEPTHS.get(token.text, 0) if token.kind == "mark" else 0
        if following and (depth or (token.text != ";" and "\n" not in code[token.end : following.start])):
            continue
        match [part for part in statement if part.kind != "comment" and part.text not in ("local", ";")]:
            case [name, equals, first, *more] if name.kind == "name" and equals.text == "=":
                kind = first.kind if first.kind in ("string", "number") else _LUA_KINDS.get(first.text, "")
                doc = token.text.lstrip("- ").rstrip() if token.kind == "comment" else ""
                parameters.append(Parameter(name.text, kind, code[first.start : [first, *more][-1].end], doc))
        statement = []
    return parameters


def _parse_python(code: str) -> list[Parameter]:
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError):  # the error is reported when the cell runs
        return []
    parameters, lines = [], _LINE_END.split(code)
    for node in statements:
        match node:
            case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(ast.Name(name), _, ast.expr() as value):
                rest = lines[(node.end_lineno or 1) - 1].encode()[node.end_col_offset :].decode().strip()
                doc, kind = rest[1:].strip() if rest.startswith("#") else "", ""
                with suppress(ValueError):  # a value that is computed
                    kind = _PYTHON_KINDS.get(type(ast.literal_eval(value)).__name__, "")
                parameters.append(Parameter(name, kind, ast.get_source_segment(code, value) or "", doc))
    return parameters
