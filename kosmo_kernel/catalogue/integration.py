"""A service: its functions, and the details of its HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from msgspec import Struct, field
from msgspec.structs import force_setattr

from kosmo_kernel.catalogue.function_table import FunctionNames, FunctionSummary, FunctionTable
from kosmo_kernel.catalogue.http import Budget, Credentials, ErrorBody, PageRequest, Response
from kosmo_kernel.catalogue.model import Function, Param
from kosmo_kernel.catalogue.pages import Pages
from kosmo_kernel.errors import UnknownNameError


class Integration(Struct, frozen=True, dict=True):
    """A service: the functions that can be called, and how its HTTP works."""

    name: str  # the Lua name, `heroku`
    title: str  # for people, `Heroku`
    description: str  # one sentence
    base_url: str  # the address of its API
    # In the order of the reference: all of them, which are checked at once, or a `FunctionTable`, whose functions are
    # checked by `check`.
    functions: Sequence[Function]
    credentials: Credentials  # where its tokens are stored
    headers: Mapping[str, str]  # sent with every request
    labels: tuple[str, ...]  # fields whose value represents a nested record as text; the first one that exists wins
    pages: Pages  # how the pages of its lists follow, where a function does not say otherwise
    # Returns the content of an error response; None if it is not an error of this service.
    read_error: Callable[[Response], ErrorBody | None]
    # Returns what to add to the request for the last records of a list by a field, and how many; None for a service
    # that cannot order them.
    newest_page: Callable[[str, int], PageRequest] | None = None
    request_id: str = "request-id"  # the response header that the service's support asks for
    read_headers: tuple[str, ...] = ()  # the other response headers that `read_error` reads
    budget: Budget | None = None  # the rate limit of an account, or None
    # What may be deleted while a run goes on: by parameter, the list of all that the account has, and the function of
    # one of them. An item of that list that is gone later is no error in a list argument.
    deletable: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    # The end of an address that stands for a team where the service wants a person, and is no person; empty if there
    # are none.
    team_address: str = ""
    # Returns the command with which a person makes a change that no function makes, from the first word of the name of
    # an operation and the others; None if there is no such program.
    change_command: Callable[[str, str], str] | None = None
    # Returns what the service has and no function, each with the reason; None for nothing.
    left_out: Callable[[], Iterable[tuple[str, str]]] | None = None
    # The names of the functions that most questions need, in the order of the page about them.
    most_used: tuple[str, ...] = ()
    inventory: str = ""  # where the facts about an inventory of an account are, `package.module:name`; empty for none
    # Where its fictional account is, `package.module:name`: a function that returns an API as a WSGI application and
    # the token that it accepts. Empty for none; imported at the first call of that account.
    demo: str = ""
    # Whether it is made from an API document: all its functions read, and `demo` takes the integration, of which it
    # makes the API.
    is_from_document: bool = False
    # Where the point in time of the fictional account is, as a text of ISO 8601; empty if that is now.
    demo_now: str = ""
    # Where further fictional accounts are, in the same form by their names. They exist where the fictional account is
    # the default account, in place of accounts of the user with these names.
    demo_accounts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        is_table = isinstance(self.functions, FunctionTable)
        self._check(() if is_table else self.functions)
        if not is_table:
            force_setattr(self, "functions", FunctionTable.of(self.functions))

    def check(self) -> None:
        """Check the integration with all its functions, each of which is made.

        Raises:
            ValueError: it has mistakes; the message has all of them.
        """
        self._check(self.functions)

    def _check(self, functions: Sequence[Function]) -> None:
        from kosmo_kernel.catalogue.validation import mistakes

        places = (self.demo, *self.demo_accounts.values())
        problems = list(mistakes(self.name, functions, self.budget, filter(None, places)))
        if problems:
            raise ValueError(f"integration {self.name}: " + "; ".join(problems))

    @property
    def first_page(self) -> PageRequest:
        """Return the parameters to add to a list's first request."""
        return self.pages.first

    @property
    def table(self) -> FunctionTable:
        """The functions, each made when it is first needed."""
        return self.functions if isinstance(self.functions, FunctionTable) else FunctionTable.of(self.functions)

    def names(self) -> Mapping[str, Function]:
        """Return the functions by each of their names: their own, their aliases, and `<integration>_<name>`."""
        return self._by_any_name

    @cached_property
    def _by_any_name(self) -> FunctionNames:  # each call of a function looks its name up
        names = {name: name for name in self.table.names}
        for name, aliases in self.table.names.items():
            names |= dict.fromkeys((*aliases, f"{self.name}_{name}"), name)
        return FunctionNames(self.table, names)

    def by_full_name(self) -> Mapping[str, Function]:
        """Return the functions by `<integration>.<name>`."""
        return FunctionNames(self.table, {f"{self.name}.{name}": name for name in self.table.names})

    @property
    def reads_only(self) -> bool:
        """Whether no function changes anything; those of a document are not made to know it."""
        return self.is_from_document or self.table.only_reads

    def by_subject(self) -> dict[str, list[FunctionSummary]]:
        """Return what the functions are about by subject; those without one have the title as their subject."""
        groups: dict[str, list[FunctionSummary]] = {}
        for function in self.table.summaries():
            groups.setdefault(function.subject or self.title, []).append(function)
        return groups

    def listing(self, param: Param) -> Function | None:
        """Return the function that lists all values of a parameter, `list_apps` for `app_id`; None if there is none.

        Its name is that of the parameter, and it needs no arguments.
        """
        fields = [name for name in ("id", *param.each) if param.name.endswith(f"_{name}")]
        thing = param.name.removesuffix(f"_{fields[0]}") if fields else param.name
        function = self.names().get(f"list_{thing}s") if param.each else None
        return function if function and function.returns == "list" and not function.simplest_call else None

    def lister(self, param: Param) -> Function | None:
        """Return the list of what a parameter identifies, also one that needs arguments itself; None if there is none.

        It is found by its path, which makes functions until it is found: `listing` is quicker.
        """
        if not param.listed_at:
            return None
        lists = (function for function in self.functions if function.returns == "list")
        return next((one for one in lists if param.listed_at in one.list_paths), None)

    def function(self, name: str) -> Function:
        """Return the function with this name or alias.

        Raises:
            UnknownNameError: there is none; with the nearest names.
        """
        match = self.names().get(name)
        if match is None:
            from kosmo_kernel.catalogue.missing import missing_function

            why, near = missing_function(self, name)
            raise UnknownNameError(
                f"{self.title} has no function `{name}`. {why}".rstrip(),
                tuple(f"app.integrations.{self.name}.{n}" for n in near),
            )
        return match
