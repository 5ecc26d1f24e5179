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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
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

_OPENING, _CLOSING = "({[", ")}]"
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
        if not values:
            return
        marker = "--" if self.language == LUA else "#"
        cell = nbformat.v4.new_code_cell(f"{marker} Parameters\n{assignments(values, self.language)}")
        cell.metadata["tags"] = [INJECTED]
        self.notebook.cells.insert(self.notebook.cells.index(self._cell(TAG)) + 1, cell)

    def add_report(self, text: Markdown) -> None:
        """Set the text of the report cell, which is added if there is none."""
        import nbformat

        cell = self._cell(REPORT_TAG)
        if cell is None:
            cell = nbformat.v4.new_markdown_cell()
            cell.metadata["tags"] = [REPORT_TAG]
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
    parameter = next((parameter for parameter in runbook.parameters() if parameter.name == ACCOUNT), None)
    if parameter is None:
        if account not in (None, accounts.DEMO):
            raise UnknownNameError(f"`{runbook.path}` declares no parameter `{ACCOUNT}`, so it cannot be given one.")
        return dict(values)
    if account is None and (ACCOUNT in values or parse_text(parameter.default) != accounts.DEMO):
        return dict(values)
    return {**values, ACCOUNT: account or of_archive or _default_account()}


def _default_account() -> str:
    if accounts.demo_chosen():
        return accounts.DEMO
    if not any(accounts.DEFAULT in accounts.names(service) for service in integrations.load_all()):
        accounts.find(integrations.DEFAULT)  # raises the error that lists the ways
    return accounts.DEFAULT


def parse_declarations(code: str, language: str) -> list[Parameter]:
    """Return the parameters that a cell declares in order: each top-level assignment to a single name.

    Cells in languages other than Lua and Python declare none.
    """
    parser = {LUA: _parse_lua, PYTHON: _parse_python}.get(language)
    return parser(code) if parser else []


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
    parameters = []
    for statement in _statements(code):
        tokens = [token for token in statement if token.kind != "comment" and token.text not in ("local", ";")]
        if len(tokens) < 3 or tokens[0].kind != "name" or tokens[1].text != "=":
            continue
        default, last = code[tokens[2].start : tokens[-1].end], statement[-1]
        doc = last.text.lstrip("- ").rstrip() if last.kind == "comment" else ""
        parameters.append(Parameter(tokens[0].text, _lua_kind(tokens[2]), default, doc))
    return parameters


def _statements(code: str) -> Iterator[list[Token]]:
    """Yield the tokens of each statement and its trailing comment; a line end or `;` ends a statement."""
    statement: list[Token] = []
    depth = 0
    for token in tokens_of(code):
        if statement and depth == 0 and ("\n" in code[statement[-1].end : token.start] or statement[-1].text == ";"):
            yield statement
            statement = []
        statement.append(token)
        if token.kind == "mark":
            depth += (token.text in _OPENING) - (token.text in _CLOSING)
    if statement:
        yield statement


def _lua_kind(first: Token) -> str:
    """Return the Lua type of a value from its first token, or an empty string if it is computed."""
    if first.kind in ("string", "number"):
        return first.kind
    return {"true": "boolean", "false": "boolean", "nil": "nil", "{": "table", "-": "number"}.get(first.text, "")


def _parse_python(code: str) -> list[Parameter]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):  # the error is reported when the cell runs
        return []
    lines = _LINE_END.split(code)
    parameters = []
    for node in tree.body:
        match node:
            case ast.Assign([ast.Name(name)], ast.expr() as value) | ast.AnnAssign(
                ast.Name(name), _, ast.expr() as value
            ):
                end = node.end_lineno or node.lineno
                rest = lines[end - 1].encode()[node.end_col_offset :].decode().strip()
                doc = rest.removeprefix("#").strip() if rest.startswith("#") else ""
                default = ast.get_source_segment(code, value) or ""
                parameters.append(Parameter(name, _python_kind(value), default, doc))
    return parameters


def _python_kind(value: ast.expr) -> str:
    """Return the kind of a literal, or an empty string if the value is computed."""
    try:
        constant = ast.literal_eval(value)
    except ValueError:
        return ""
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "nil"}
    return kinds.get(type(constant), "table" if isinstance(constant, (list, dict, tuple)) else "")
