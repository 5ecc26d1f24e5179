"""The explorer's widgets and their event handlers.

Every change of a field updates the Lua code. The Run button, and the buttons that load names to choose from, run Lua in
the thread of the cells (`NotebookContext.between_cells`); nothing else sends a request. Errors are shown in the form,
because an exception that reached the comm would only be logged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import ipywidgets as w  # type: ignore[import-untyped]

from kosmo_kernel.accounts import how_to_add
from kosmo_kernel.catalogue import Function, Integration, Param
from kosmo_kernel.errors import UnknownNameError
from kosmo_kernel.explorer import answer
from kosmo_kernel.explorer.question import ExplorerCall, aliases, functions, parse_field
from kosmo_kernel.notebook.commands import NotebookContext
from kosmo_kernel.notebook.last_error import keep_error
from kosmo_kernel.progress.display import ProgressDisplay
from kosmo_kernel.progress.snapshot import ProgressSnapshot
from kosmo_kernel.run.options import Frontend, RunOptions
from kosmo_kernel.safety.escape import Html
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC
from kosmo_kernel.text.nearest import nearest, normalize_alias
from kosmo_kernel.values.records import Records

NAME = "Explorer"  # the chunk name in Lua's error messages
TEXT = (
    f"%{COMMAND_MAGIC} explore: a form that asks a function and writes the Lua that does the same; "
    "it works in JupyterLab, Notebook 7 and VS Code, while its kernel runs."
)
WAITS = "Waits for the cell that is running."
RUNS = "Running. ■ stops it."

_LABEL = {"description_width": "7em"}
_WIDE = {"width": "36em", "max_width": "100%"}
_INDENT = "0 0 4px calc(7em + 10px)"  # as wide as a label, so that notes align with their fields


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
        self._rows: answer.SearchableRows | None = None
        self._state_lock = threading.Lock()
        self._state = "idle"
        self._functions = functions()
        first = next(name for name, one in self._functions.items() if selected is None or one == selected)
        self._function = w.Dropdown(
            options=[
                (f"{name}  ({one[1].subject})" if one[1].subject else name, name)
                for name, one in self._functions.items()
            ],
            value=first,
            description="Function",
            style=_LABEL,
            layout=_WIDE,
        )
        self._account = w.Dropdown(description="Account", style=_LABEL, layout=_WIDE)
        self._about = w.HTML(layout={"margin": _INDENT})
        self._arguments = w.VBox()
        self._run = w.Button(description="Run", button_style="primary", layout={"width": "8em"})
        self._status = w.HTML(layout={"margin": "2px 0 2px 8px"})
        self._lua = w.HTML(layout={"margin": "4px 2px 4px 2px"})
        self._filter = w.Text(placeholder="Filter the rows", layout={"width": "20em"})
        self._count = w.HTML(layout={"margin": "2px 0 2px 8px"})
        self._filtering = w.HBox([self._filter, self._count], layout={"display": "none", "align_items": "center"})
        self._answer = w.HTML(layout={"margin": "4px 2px 4px 2px"})
        question = [self._function, self._about, self._account, self._arguments, self._lua]
        running = w.HBox([self._run, self._status], layout={"align_items": "center"})
        self.box = w.VBox([*question, running, self._filtering, self._answer])
        self._choose_function()
        if account is not None:
            self._select_account(account)
        self._function.observe(self._handler(self._choose_function), "value")
        self._account.observe(self._handler(self._choose_account), "value")
        self._run.on_click(self._handler(partial(self._schedule, self._ask)))
        self._filter.observe(self._handler(self._show_rows), "value")

    def __repr__(self) -> str:
        return TEXT

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        return {**self.box._repr_mimebundle_(**options), "text/plain": TEXT}

    # The call -------------------------------------------------------------------------------------

    def _choose_function(self) -> None:
        """Show the parameters of the chosen function and the accounts to choose from."""
        self._clear_result()
        integration, function = self._functions[self._function.value]
        self._about.value = answer.small(
            f"{function.summary}. More:", f"%{COMMAND_MAGIC} docs {integration.name}.{function.name}"
        )
        self._offer_accounts(integration)
        shown = [self._field_of(integration, param) for param in function.params]
        # In one step: a run, in another thread, may be reading them.
        self._fields = {param.name: field for param, (field, _) in zip(function.params, shown, strict=True)}
        self._arguments.children = [row for _, rows in shown for row in rows]
        self._update_lua()

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
        found = next((one for one in choices if normalize_alias(one) == normalize_alias(account)), None)
        if found is None:
            text = f"{integration.title} has no account `{account}`."
            raise UnknownNameError(text, tuple(nearest(account, choices)), reason=how_to_add(integration, account))
        self._account.value = found
        self._update_lua()

    def _choose_account(self) -> None:
        self._clear_result()
        self._update_lua()

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
        about.value = answer.small(f"{param.doc}.{' Several: with commas between them.' if param.each else ''}")
        return field, [row, about]

    def _make_row(self, integration: Integration, param: Param) -> tuple[Any, Any]:
        """Create the field of a parameter with its load button and check box, and the line of help below it."""
        common = {"style": _LABEL, "layout": _WIDE, "description": param.name}
        if param.kind == "boolean":
            field = w.Dropdown(**common, options=["", "true", "false"])
        else:
            example = f"{param.example}, for example" if param.example else param.expectation
            field = w.Combobox(**common, placeholder=example)
        field.observe(self._handler(self._update_lua), "value")
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
        self._update_lua()

    def _chosen_call(self, function: Function | None = None) -> ExplorerCall:
        """Return the chosen call, or a call without arguments of `function` (to load names)."""
        integration, selected = self._functions[self._function.value]
        values = {name: chosen.value for name, chosen in self._fields.items()}
        arguments = {name: value for name, value in values.items() if value is not None} if function is None else {}
        return ExplorerCall(
            integration, function or selected, self._account.value, arguments, self._context.lua.account
        )

    def _update_lua(self) -> None:
        """Show the Lua code, and offer the names that have been loaded."""
        self._offer_names()
        self._lua.value = answer.lua(self._chosen_call().cell(self._context.first_line))

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
                self._status.value = answer.small(WAITS)

    def _work(self, work: Callable[[], None]) -> None:
        with self._state_lock:
            self._state = "runs"
            self._status.value = answer.small(RUNS)
        try:
            self._show_outcome(work)
            self._update_lua()  # a cell may have changed the session's account
        finally:  # after all else: a choice that is possible again changes the form in another thread
            if self._status.value == answer.small(RUNS):
                self._status.value = ""
            with self._state_lock:
                self._state = "idle"
            self._enable(possible=True)

    def _show_outcome(self, work: Callable[[], None]) -> None:
        """Call `work`, and show its error if it fails."""
        try:
            with keep_error(self._context.lua):
                work()
        except KeyboardInterrupt:  # interrupted before Lua started
            self._show(answer.small("Stopped."))
        except Exception as error:  # noqa: BLE001 - any error is shown in the form
            self._show(answer.failure(error))

    def _enable(self, *, possible: bool) -> None:
        """Enable or disable Run and the choices: during a run they must match the result that will be shown."""
        self._run.disabled = self._function.disabled = self._account.disabled = not possible

    def _ask(self) -> None:
        """Run the chosen call and show its result."""
        result = self._run_lua(self._chosen_call())
        self._status.value += "".join(answer.small(str(note)) for note in result.labelled_notes())
        if isinstance(result.value, Records):
            self._rows = answer.SearchableRows(result.value)
            self._filtering.layout.display = ""
            self._show_rows()
        else:
            self._show(answer.value(result.value))

    def _load(self, listing: Function) -> None:
        """Load the names that a parameter can have."""
        records = self._run_lua(self._chosen_call(listing)).value
        self._status.value = answer.small(f"{len(records):,} {listing.things} to choose from.")

    def _run_lua(self, call: ExplorerCall) -> Any:
        with ProgressDisplay(self._progress) as line:
            options = RunOptions(NAME, account=call.account)
            result = self._context.lua.execute(call.lua, options, Frontend(progress=line))
        if self._status.value == answer.small(RUNS):
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
        self._count.value = answer.small(f"{len(matches):,} of {total:,}") if self._filter.value.strip() else ""
        self._answer.value = answer.value(matches)

    def _handler(self, work: Callable[[], None]) -> Callable[[object], None]:
        """Return an event handler that calls `work` and shows its errors in the form."""

        def handler(_event: object) -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - shown in the form; the comm would only log it
                self._show(answer.failure(error))

        return handler
