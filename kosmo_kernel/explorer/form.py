"""The explorer's widgets and their event handlers.

Every change of a field updates the code, which is Lua or Python, as the notebook is. The Run button, and the buttons
that load names to choose from, run Lua in the thread of the cells (`NotebookContext.between_cells`); nothing else sends
a request. Errors are shown in the form, because an exception that reached the comm would only be logged.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import ipywidgets as w  # type: ignore[import-untyped]

from kosmo_kernel import accounts, integrations
from kosmo_kernel.calls.output import Frontend
from kosmo_kernel.catalogue import Function, Integration, Param
from kosmo_kernel.docs.search_index import search_pages
from kosmo_kernel.errors import KosmoError, UnknownNameError
from kosmo_kernel.explorer.code import lua_call, python_call, python_cell
from kosmo_kernel.notebook.commands import NotebookContext
from kosmo_kernel.progress.display import ProgressDisplay, ProgressSnapshot
from kosmo_kernel.render.display import bundle_of
from kosmo_kernel.render.error_lines import error_lines, traceback_lines
from kosmo_kernel.render.tables import table_of
from kosmo_kernel.render.text import format_column
from kosmo_kernel.safety.markup import Html, Terminal, html_attribute, html_code
from kosmo_kernel.safety.text import shortened
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC, LUA_MAGIC, Options
from kosmo_kernel.text import nearest, normalize_alias
from kosmo_kernel.values.records import Records

NAME = "Explorer"  # the chunk name in Lua's error messages
TEXT = (
    f"%{COMMAND_MAGIC} explore: a form that asks a function and writes the code that does the same; "
    "it works in JupyterLab, Notebook 7 and VS Code, while its kernel runs."
)
WAITS = "Waits for the cell that is running."
RUNS = "Running. ■ stops it."

_FIELD = {"style": {"description_width": "7em"}, "layout": {"width": "36em", "max_width": "100%"}}
_INDENT = "0 0 4px calc(7em + 10px)"  # as wide as a label, so that notes align with their fields

_MAX_WORDS_SHOWN = 60  # characters
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}

_TEXT = (
    "margin:0;white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere;"
    "font-family:var(--jp-code-font-family,monospace);"
)
_SMALL = "font-size:12px;line-height:1.5;color:var(--jp-content-font-color2,inherit)"
_CODE = (
    "flex:1 1 0;min-width:0;padding:6px 10px;font-size:13px;line-height:1.4;"
    "color:var(--jp-content-font-color0,inherit);"
    "border:1px solid var(--jp-cell-editor-border-color,rgba(128,128,128,.4));"
    "background:var(--jp-cell-editor-background,transparent)"
)
_ERROR = (
    "padding:6px 10px;font-size:13px;line-height:1.4;color:var(--jp-content-font-color1,inherit);"
    "background:var(--jp-rendermime-error-background,rgba(255,80,80,.15))"
)
_SMALL_NOTE = Html(f'<div style="{_SMALL}">{{}}{{}}</div>')
_INLINE_CODE = Html(" <code>{}</code>")
_CELL = Html(  # code to copy, and the button that inserts it in JupyterLab
    f'<div style="display:flex;align-items:flex-start;gap:8px"><pre style="{_TEXT}{_CODE}">{{}}</pre>'
    '<button class="jupyter-button" hidden="hidden" title="Insert this below; it does not run by itself" '
    'style="width:auto;flex:none" data-kosmo-insert="{}">Insert as cell</button></div>'
)
_PLAIN = Html(f'<pre style="{_TEXT}">{{}}</pre>')
_FAILURE = Html(f'<pre style="{_TEXT}{_ERROR}">{{}}</pre>')


def functions() -> dict[str, tuple[Integration, Function]]:
    """Return all functions by full name, such as `heroku.list_apps`."""
    services = integrations.load_all()
    return {name: (service, function) for service in services for name, function in service.by_full_name().items()}


def aliases(integration: Integration, default: str) -> dict[str, str]:
    """Return the accounts to choose from with their labels; the session's account is first, even without a token."""
    configured = accounts.names(integration, default)
    first = default if default in configured or default == accounts.DEFAULT else accounts.DEFAULT
    labels = {}
    for alias in dict.fromkeys((first, *configured)):
        labels[alias] = alias if alias in configured else f"{alias} (no token)"
        if accounts.is_demo(accounts.account_in_use(alias, default, [integration])) and alias != accounts.DEFAULT:
            labels[alias] = f"{alias} (a fictional company)"
    return labels


def parse_field(param: Param, typed: str) -> Any:
    """Parse the text of a parameter's field; return None if it is empty, and a text that fits no kind unchanged."""
    parts = [part.strip() for part in typed.split(",")] if param.each else [typed.strip()]
    values = [_value(param, part) for part in parts if part]
    return values if len(values) > 1 else next(iter(values), None)


def _value(param: Param, text: str) -> Any:
    if param.kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if param.kind == "number" and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return _BOOLEANS.get(text, text) if param.kind == "boolean" else text


def _small(text: str, code: str = "") -> Html:
    """Return the HTML of a small note, followed by a piece of code if given."""
    return _SMALL_NOTE.format(text, _INLINE_CODE.format(html_code(code)) if code else "")


def _value_html(value: Any) -> Html:
    """Return the HTML of a result, as a cell shows it."""
    bundle = bundle_of(value)
    return bundle.get("text/html") or _PLAIN.format(html_code(bundle["text/plain"]))


def _failure(error: BaseException) -> Html:
    """Return the HTML of an error: an error of this package as below a cell, any other as a Python traceback."""
    if isinstance(error, KosmoError):
        lines = error_lines(error)
    else:
        lines = [Terminal("This is a defect of kosmo_kernel."), *traceback_lines(error)]
    return _FAILURE.format(html_code("\n".join(lines)))


class SearchableRows:
    """The rows of a result, searchable by their displayed text."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self._texts: list[str] = []  # the displayed text of each row; computed at the first search

    def matching(self, words: str) -> Records:
        """Return the rows that contain all of the words; case is ignored."""
        terms = words.casefold().split()
        if not terms:
            return self.records
        if not self._texts:
            columns = [format_column(column) for column in table_of(self.records, len(self.records)).columns]
            self._texts = ["\n".join(filter(None, row)).casefold() for row in zip(*columns, strict=True)]
        return self.records.take(index for index, text in enumerate(self._texts) if all(word in text for word in terms))


class ArgumentField(NamedTuple):
    """The widgets for one argument."""

    param: Param  # the parameter
    listing: Function | None  # the function that lists all its values, or None
    field: Any  # where a value is typed or chosen
    every: Any = None  # the check box for all values, if a function lists them

    @property
    def value(self) -> Any:
        """The typed value, the function that lists all values, or None if nothing was chosen."""
        return self.listing if self.every and self.every.value else parse_field(self.param, self.field.value)


class Explorer:
    """The form, with a function selected."""

    def __init__(
        self, context: NotebookContext, selected: tuple[Integration, Function] | None, account: str | None = None
    ) -> None:
        w.register_comm_target()  # a reloaded page needs it; ipywidgets registers it only in IPython
        self._context = context
        # By service, and name, kind and plural of the parameter.
        self._parameter_rows: dict[tuple[str, str, str, bool], tuple[Any, Any]] = {}
        self._fields: dict[str, ArgumentField] = {}  # of the chosen function
        self._rows: SearchableRows | None = None
        self._state_lock = threading.Lock()
        self._state = "idle"
        self._functions = functions()
        first = next(name for name, function in self._functions.items() if selected is None or function == selected)
        self._words = w.Text(description="Find", placeholder="words, such as: failing certificate", **_FIELD)
        self._function = w.Dropdown(
            options=self._labels(self._functions), value=first, description="Function", **_FIELD
        )
        self._account = w.Dropdown(description="Account", **_FIELD)
        self._about = w.HTML(layout={"margin": _INDENT})
        self._arguments = w.VBox()
        self._run = w.Button(description="Run", button_style="primary", layout={"width": "8em"})
        self._status = w.HTML(layout={"margin": "2px 0 2px 8px"})
        self._code = w.HTML(layout={"margin": "4px 2px 4px 2px"})
        self._filter = w.Text(placeholder="Filter the rows", layout={"width": "20em"})
        self._count = w.HTML(layout={"margin": "2px 0 2px 8px"})
        self._filtering = w.HBox([self._filter, self._count], layout={"display": "none", "align_items": "center"})
        self._answer = w.HTML(layout={"margin": "4px 2px 4px 2px"})
        question = [self._words, self._function, self._about, self._account, self._arguments, self._code]
        running = w.HBox([self._run, self._status], layout={"align_items": "center"})
        self.box = w.VBox([*question, running, self._filtering, self._answer])
        self._choose_function()
        if account is not None:
            self._select_account(account)
        self._words.observe(self._handler(self._find), "value")
        self._function.observe(self._handler(self._choose_function), "value")
        self._account.observe(self._handler(self._choose_account), "value")
        self._run.on_click(self._handler(partial(self._schedule, self._ask)))
        self._filter.observe(self._handler(self._show_rows), "value")

    def __repr__(self) -> str:
        return TEXT

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        return {**self.box._repr_mimebundle_(**options), "text/plain": TEXT}

    # The call -------------------------------------------------------------------------------------

    def _labels(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return functions as options: what is shown, and the full name."""
        subjects = {name: self._functions[name][1].subject for name in names}
        return [(f"{name}  ({subject})" if subject else name, name) for name, subject in subjects.items()]

    def _find(self) -> None:
        """Offer the functions that the words are about, best first, and choose the first; all without words."""
        words = self._words.value.strip()
        names: Iterable[str] = self._functions
        if words:
            pages = search_pages(words)
            names = [page.page for page in pages if page.page in self._functions]
        if names:
            self._function.options = self._labels(names)  # which chooses the first
        else:
            self._about.value = _small(f"No function is about “{shortened(words, _MAX_WORDS_SHOWN)}”.")

    def _choose_function(self) -> None:
        """Show the parameters of the chosen function and the accounts to choose from."""
        self._clear_result()
        integration, function = self._functions[self._function.value]
        command = f"%{COMMAND_MAGIC} docs {integration.name}.{function.name}"
        self._about.value = _small(f"{function.summary}. More:", command)
        self._offer_accounts(integration)
        rows = [self._field_of(integration, param) for param in function.params]
        # In one step: a run, in another thread, may be reading them.
        self._fields = {param.name: field for param, (field, _) in zip(function.params, rows, strict=True)}
        self._arguments.children = [widget for _, widgets in rows for widget in widgets]
        self._update_code()

    def _offer_accounts(self, integration: Integration) -> None:
        """Offer the accounts of a service; the chosen one stays if it is among them."""
        choices = aliases(integration, self._context.lua.account)
        options = tuple((label, alias) for alias, label in choices.items())
        if options == self._account.options:  # assigning them selects the first, over a choice that just comes in
            return
        previous = self._account.value
        self._account.options = options
        self._account.value = previous if previous in choices else next(iter(choices))

    def _select_account(self, account: str) -> None:
        """Select an account.

        Raises:
            UnknownNameError: there is none of this name for the selected function; with the nearest names.
        """
        integration, _ = self._functions[self._function.value]
        choices = [alias for _, alias in self._account.options]
        alias = next((alias for alias in choices if normalize_alias(alias) == normalize_alias(account)), None)
        if alias is None:
            text, reason = f"{integration.title} has no account `{account}`.", accounts.how_to_add(integration, account)
            raise UnknownNameError(text, tuple(nearest(account, choices)), reason=reason)
        self._account.value = alias
        self._update_code()

    def _choose_account(self) -> None:
        self._clear_result()
        self._update_code()

    def _clear_result(self) -> None:
        """Clear the result of an earlier call."""
        self._show(Html())
        self._filter.value = self._status.value = ""

    def _field_of(self, integration: Integration, param: Param) -> tuple[ArgumentField, list[Any]]:
        """Return the field of a parameter, and the widgets that show it.

        Functions share them, so that the text of a field survives a change of the function.
        """
        key = integration.name, param.name, param.kind, bool(param.each)
        if key not in self._parameter_rows:
            self._parameter_rows[key] = self._make_row(integration, param)
        row, about = self._parameter_rows[key]
        field = ArgumentField(param, integration.listing(param), row.children[0], *row.children[2:])
        about.value = _small(f"{param.doc}.{' Several: with commas between them.' if param.each else ''}")
        return field, [row, about]

    def _make_row(self, integration: Integration, param: Param) -> tuple[Any, Any]:
        """Create the field of a parameter with its load button and check box, and the line of help below it."""
        if param.kind == "boolean":
            field = w.Dropdown(description=param.name, options=["", "true", "false"], **_FIELD)
        else:
            example = f"{param.example}, for example" if param.example else param.expectation
            field = w.Combobox(description=param.name, placeholder=example, **_FIELD)
        field.observe(self._handler(self._update_code), "value")
        row = [field]
        if listing := integration.listing(param):
            tip = f"Ask {listing.name} for names to choose from"
            load = w.Button(description=f"Load {listing.things}", tooltip=tip, layout={"width": "auto"})
            load.on_click(self._handler(partial(self._schedule, partial(self._load, listing))))
            about = {"description": f"All {listing.things}", "tooltip": f"Call it for all that {listing.name} returns"}
            every = w.Checkbox(**about, indent=False, layout={"width": "auto", "margin": "2px 8px"})
            every.observe(self._handler(partial(self._choose_every, every, field, load)), "value")
            row += [load, every]
        return w.HBox(row, layout={"flex_flow": "row wrap"}), w.HTML(layout={"margin": _INDENT})

    def _choose_every(self, every: Any, field: Any, load: Any) -> None:
        """Use all values of a parameter, or again those that are typed."""
        field.disabled = load.disabled = every.value
        self._update_code()

    @property
    def _account_option(self) -> str | None:
        """The option of the run for the default account, for which Lua has no name if the session uses another."""
        alias: str = self._account.value
        return alias if alias == accounts.DEFAULT != self._context.lua.account else None

    def _chosen_call(self) -> tuple[Integration, Function, dict[str, Any], str]:
        """Return the service, the function, the arguments and the account, for the code of the call."""
        integration, function = self._functions[self._function.value]
        values = {name: field.value for name, field in self._fields.items()}
        arguments = {name: value for name, value in values.items() if value is not None}
        return integration, function, arguments, self._alias

    @property
    def _alias(self) -> str:
        """The account that Lua names in the call; empty for the default one."""
        return "" if self._account.value == accounts.DEFAULT else self._account.value

    def _update_code(self) -> None:
        """Show a cell that makes the call, and offer the names that have been loaded."""
        self._offer_names()
        integration, function, arguments, alias = self._chosen_call()
        if self._context.in_python:
            call = python_call(integration, function, arguments, alias or self._account_option or "")
            cell = python_cell(integration, call, self._context.variables)
        else:
            option = self._account_option
            first_line = f"%%{LUA_MAGIC} --account {option}\n" if option else ""
            cell = first_line + lua_call(integration, function, arguments, alias)
        self._code.value = _CELL.format(html_code(cell), html_attribute(cell))

    def _offer_names(self) -> None:
        integration, _ = self._functions[self._function.value]
        for param, listing, field, _ in self._fields.values():
            account = self._account.value
            records = listing and self._context.lua.last_list(integration.name, listing.name, account)
            names = [str(name) for record in records or () if (name := record.get(param.each[0])) is not None]
            if param.each and list(field.options) != names:
                field.options = names

    # Runs ----------------------------------------------------------------------------------------

    def _schedule(self, work: Callable[[], None]) -> None:
        """Call `work` when no cell is running. Only one call can be pending or running."""
        with self._state_lock:
            if self._state != "idle":
                return
            self._state = "waits"
        self._enable(possible=False)
        self._context.between_cells(partial(self._work, work))
        with self._state_lock:
            if self._state == "waits":
                self._status.value = _small(WAITS)

    def _work(self, work: Callable[[], None]) -> None:
        with self._state_lock:
            self._state = "runs"
            self._status.value = _small(RUNS)
        try:
            self._show_outcome(work)
            self._update_code()  # a cell may have changed the session's account
        finally:  # after all else: a choice that is possible again changes the form in another thread
            if self._status.value == _small(RUNS):
                self._status.value = ""
            with self._state_lock:
                self._state = "idle"
            self._enable(possible=True)

    def _show_outcome(self, work: Callable[[], None]) -> None:
        """Call `work`, and show its error if it fails."""
        try:
            with self._context.lua.keep_error():
                work()
        except KeyboardInterrupt:  # interrupted before Lua started
            self._show(_small("Stopped."))
        except Exception as error:  # noqa: BLE001 - any error is shown in the form
            self._show(_failure(error))

    def _enable(self, *, possible: bool) -> None:
        """Enable or disable Run and the choices: during a run they must match the result that will be shown."""
        for widget in (self._run, self._words, self._function, self._account):
            widget.disabled = not possible

    def _ask(self) -> None:
        """Run the chosen call and show its result."""
        result = self._run_lua(lua_call(*self._chosen_call()))
        self._status.value += "".join(_small(str(note)) for note in result.labelled_notes())
        if isinstance(result.value, Records):
            self._rows = SearchableRows(result.value)
            self._filtering.layout.display = ""
            self._show_rows()
        else:
            self._show(_value_html(result.value))

    def _load(self, listing: Function) -> None:
        """Load the names that a parameter can have."""
        records = self._run_lua(lua_call(self._functions[self._function.value][0], listing, {}, self._alias)).value
        self._status.value = _small(f"{len(records):,} {listing.things} to choose from.")

    def _run_lua(self, lua: str) -> Any:
        with ProgressDisplay(self._progress) as line:
            options = Options(NAME, account=self._account_option)
            result = self._context.lua.execute(lua, options, Frontend(progress=line))
        if self._status.value == _small(RUNS):
            self._status.value = ""
        return result

    def _progress(self, state: ProgressSnapshot) -> None:
        self._status.value = state.html()

    # Results -----------------------------------------------------------------------------------------

    def _show(self, markup: Html) -> None:
        """Show HTML without rows to filter."""
        self._rows = None
        self._filtering.layout.display = "none"
        self._count.value = ""
        self._answer.value = markup

    def _show_rows(self) -> None:
        """Show the rows that match the filter."""
        if self._rows is None:
            return
        matches = self._rows.matching(self._filter.value)
        total = len(self._rows.records)
        self._count.value = _small(f"{len(matches):,} of {total:,}") if self._filter.value.strip() else ""
        self._answer.value = _value_html(matches)

    def _handler(self, work: Callable[[], None]) -> Callable[[object], None]:
        """Return an event handler that calls `work` and shows its errors in the form."""

        def handler(_event: object) -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - shown in the form; the comm would only log it
                self._show(_failure(error))

        return handler
