"""The explorer's widgets, and what happens when they are used.

What is chosen and typed is turned into Lua anew each time. Run, and the button that fetches names to choose from, run
Lua where cells run (`NotebookContext.between_cells`); nothing else sends a request. What goes wrong is shown in the
form: an exception that reached the comm would be lost in a log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as w  # type: ignore[import-untyped]

from kosmo_kernel.catalogue import Function, Integration, Param
from kosmo_kernel.client.progress import ProgressDisplay, ProgressSnapshot
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.explorer import answer
from kosmo_kernel.explorer.question import ExplorerCall, aliases, functions, lister, read
from kosmo_kernel.notebook.commands import NotebookContext
from kosmo_kernel.settings.cell_options import COMMAND_MAGIC
from kosmo_kernel.values.records import Records

NAME = "Explorer"  # what Lua's messages call what it runs
TEXT = (
    f"%{COMMAND_MAGIC} explore: a form that asks a function and writes the Lua that does the same; "
    "it works in JupyterLab, Notebook 7 and VS Code, while its kernel runs."
)
WAITS = "Waits for the cell that is running."
RUNS = "Running. ■ stops it."

_LABEL = {"description_width": "7em"}
_WIDE = {"width": "36em", "max_width": "100%"}
_INDENT = "0 0 4px calc(7em + 10px)"  # as wide as a label, so that remarks stand below what they are about


class Explorer:
    """The form.

    Parameters:
        door: the notebook that it is opened in.
        integration: the service of the function to begin with.
        function: that function.
    """

    def __init__(self, door: NotebookContext, integration: Integration, function: Function) -> None:
        w.register_comm_target()  # a page that is loaded again finds the widgets by it; only in IPython it is done
        self._door = door
        self._rows_made: dict[tuple[str, str, str], tuple[Any, Any]] = {}  # by service, parameter and kind
        self._fields: dict[str, tuple[Param, Any]] = {}  # of the function chosen
        self._rows: answer.SearchableRows | None = None
        self._turn = threading.Lock()
        self._state = "idle"
        self._known = functions()
        first = f"{integration.name}.{function.name}"
        self._function = w.Dropdown(
            options=list(self._known), value=first, description="Function", style=_LABEL, layout=_WIDE
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
        self.box = w.VBox(
            [
                self._function,
                self._about,
                self._account,
                self._arguments,
                self._lua,
                w.HBox([self._run, self._status], layout={"align_items": "center"}),
                self._filtering,
                self._answer,
            ]
        )
        self._choose_function()
        self._function.observe(self._safely(self._choose_function), "value")
        self._account.observe(self._safely(self._choose_account), "value")
        self._run.on_click(self._safely(partial(self._begin, self._ask)))
        self._filter.observe(self._safely(self._show_rows), "value")

    def __repr__(self) -> str:
        return TEXT

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        return {**self.box._repr_mimebundle_(**options), "text/plain": TEXT}

    # What is asked -------------------------------------------------------------------------------------

    def _choose_function(self) -> None:
        """Show what the function takes, and whom it can be asked of."""
        self._forget()
        integration, function = self._known[self._function.value]
        self._about.value = answer.small(
            f"{function.summary}. More:", f"%{COMMAND_MAGIC} docs {integration.name}.{function.name}"
        )
        before = self._account.value
        choices = aliases(integration, self._door.lua.account)
        self._account.options = [(shown, alias) for alias, shown in choices.items()]
        self._account.value = before if before in choices else next(iter(choices))
        self._fields = {}
        rows = [row for param in function.params for row in self._rows_of(integration, param)]
        self._arguments.children = rows
        self._write()

    def _choose_account(self) -> None:
        self._forget()
        self._write()

    def _forget(self) -> None:
        """Take away what another question had as its answer."""
        self._show("")
        self._filter.value = self._status.value = ""

    def _rows_of(self, integration: Integration, param: Param) -> list[Any]:
        """The widgets of one parameter: the same for each function that takes it, so that nothing typed is lost."""
        key = integration.name, param.name, param.kind
        if key not in self._rows_made:
            self._rows_made[key] = self._made(integration, param)
        row, about = self._rows_made[key]
        self._fields[param.name] = param, row.children[0]
        about.value = answer.small(f"{param.doc}.{' Several: with commas between them.' if param.each else ''}")
        return [row, about]

    def _made(self, integration: Integration, param: Param) -> tuple[Any, Any]:
        """A row for one parameter, and a line below it."""
        shape = {"style": _LABEL, "layout": _WIDE, "description": param.name}
        if param.kind == "boolean":
            field = w.Dropdown(**shape, options=["", "true", "false"])
        else:
            example = f"{param.example}, for example" if param.example else param.says
            field = w.Combobox(**shape, placeholder=example)
        field.observe(self._safely(self._write), "value")
        row = [field]
        listing = lister(integration, param)
        if listing is not None:
            what = listing.name.removeprefix("list_").replace("_", " ")
            tip = f"Ask {listing.name} for names to choose from"
            load = w.Button(description=f"Load {what}", tooltip=tip, layout={"width": "auto"})
            load.on_click(self._safely(partial(self._begin, partial(self._load, listing, what))))
            row.append(load)
        return w.HBox(row, layout={"flex_flow": "row wrap"}), w.HTML(layout={"margin": _INDENT})

    def _question(self, function: Function | None = None) -> ExplorerCall:
        """What is asked for now, or a list of what can be asked for."""
        integration, own = self._known[self._function.value]
        values = {name: read(param, field.value) for name, (param, field) in self._fields.items()}
        arguments = {name: value for name, value in values.items() if value is not None} if function is None else {}
        return ExplorerCall(integration, function or own, self._account.value, arguments, self._door.lua.account)

    def _write(self) -> None:
        """Show the Lua, and offer the names that are known by now."""
        self._offer()
        self._lua.value = answer.lua(self._question().cell(self._door.first_line))

    def _offer(self) -> None:
        integration, _ = self._known[self._function.value]
        for param, field in self._fields.values():
            listing = lister(integration, param)
            account = self._account.value
            found = listing and self._door.lua.listed(integration.name, listing.name, account)
            names = [str(name) for record in found or () if (name := record.get(param.each[0])) is not None]
            if param.each and list(field.options) != names:
                field.options = names

    # Running it ----------------------------------------------------------------------------------------

    def _begin(self, work: Callable[[], None]) -> None:
        """Do something as soon as no cell runs. Until it is done there is nothing else to do."""
        with self._turn:
            if self._state != "idle":
                return
            self._state = "waits"
        self._enable(possible=False)
        self._door.between_cells(partial(self._work, work))
        with self._turn:
            if self._state == "waits":
                self._status.value = answer.small(WAITS)

    def _work(self, work: Callable[[], None]) -> None:
        with self._turn:
            self._state = "runs"
            self._status.value = answer.small(RUNS)
        try:
            work()
        except KeyboardInterrupt:  # that came before Lua had begun
            self._show(answer.small("Stopped."))
        except Exception as error:  # noqa: BLE001 - whatever it is, the form is where it is read
            if isinstance(error, KosmoError):
                self._door.lua.last_error = error
            self._show(answer.failure(error))
        finally:
            with self._turn:
                self._state = "idle"
            if self._status.value == answer.small(RUNS):
                self._status.value = ""
            self._enable(possible=True)
            self._write()  # a cell may have changed what a call without an account means

    def _enable(self, *, possible: bool) -> None:
        """Let something be asked, or nothing else: an answer would stand below another question."""
        self._run.disabled = self._function.disabled = self._account.disabled = not possible

    def _ask(self) -> None:
        """Run the Lua and show what it gives."""
        result = self._run_lua(self._question())
        self._status.value += "".join(map(answer.small, result.notes))
        if isinstance(result.value, Records):
            self._rows = answer.SearchableRows(result.value)
            self._filtering.layout.display = ""
            self._show_rows()
        else:
            self._show(answer.value(result.value))

    def _load(self, listing: Function, what: str) -> None:
        """Fetch the names of what can be asked for."""
        found = self._run_lua(self._question(listing)).value
        self._status.value = answer.small(f"{len(found):,} {what} to choose from.")

    def _run_lua(self, question: ExplorerCall) -> Any:
        with ProgressDisplay(self._progress) as line:
            result = self._door.lua.run(question.lua, name=NAME, account=question.account, on_progress=line)
        if self._status.value == answer.small(RUNS):
            self._status.value = ""
        return result

    def _progress(self, state: ProgressSnapshot) -> None:
        self._status.value = state.html()

    # What came -----------------------------------------------------------------------------------------

    def _show(self, markup: str) -> None:
        """Show something that has no rows to filter."""
        self._rows = None
        self._filtering.layout.display = "none"
        self._count.value = ""
        self._answer.value = markup

    def _show_rows(self) -> None:
        """Show the rows that the filter lets through."""
        if self._rows is None:
            return
        found = self._rows.matching(self._filter.value)
        total = len(self._rows.records)
        self._count.value = answer.small(f"{len(found):,} of {total:,}") if self._filter.value.strip() else ""
        self._answer.value = answer.value(found)

    def _safely(self, work: Callable[[], None]) -> Callable[[object], None]:
        """What a widget calls: its failures are shown in the form."""

        def called(_event: object) -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - see the module
                self._show(answer.failure(error))

        return called
