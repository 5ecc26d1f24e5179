"""A service: its functions, and the details of its HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kosmo_kernel.catalogue.model import Function
from kosmo_kernel.catalogue.nearest import nearest
from kosmo_kernel.catalogue.validation import mistakes
from kosmo_kernel.errors import UnknownNameError

if TYPE_CHECKING:
    from kosmo_kernel.catalogue.http import Budget, Credentials, ErrorBody, PageRequest, Response


@dataclass(frozen=True, slots=True)
class Integration:
    """A service: the functions that can be called, and how its HTTP works.

    Parameters:
        name: the Lua name, `heroku`.
        title: for people, `Heroku`.
        description: one sentence.
        base_url: the address of its API.
        functions: in the order of the reference.
        credentials: where its tokens are stored.
        headers: sent with every request.
        labels: fields whose value represents a nested record as text; the first one that exists wins.
        first_page: what to add to a list's first request.
        next_page: returns what to add to the request for the next page, from a response and the request that led to
            it; None after the last page.
        read_error: returns the content of an error response; None if it is not an error of this service.
        page_size: the maximum number of records on a page. If the last page was full, there may be another one by now,
            although the server reports the last one as unchanged; without a size, every last page counts as full.
        request_id: the response header that the service's support asks for.
        budget: the rate limit of an account, or None.
        demo: where its fictional account is, `package.module:name`: a function that returns an API as a WSGI
            application and the token that it accepts. Empty for none; imported at the first call of that account.
    """

    name: str
    title: str
    description: str
    base_url: str
    functions: tuple[Function, ...]
    credentials: Credentials
    headers: Mapping[str, str]
    labels: tuple[str, ...]
    first_page: PageRequest
    next_page: Callable[[Response, PageRequest], PageRequest | None]
    read_error: Callable[[Response], ErrorBody | None]
    page_size: int | None = None
    request_id: str = "request-id"
    budget: Budget | None = None
    demo: str = ""

    def __post_init__(self) -> None:
        problems = list(mistakes(self.name, self.functions, self.budget, self.demo))
        if problems:
            raise ValueError(f"integration {self.name}: " + "; ".join(problems))

    def names(self) -> dict[str, Function]:
        """Return the functions by each of their names: their own, their aliases, and `<integration>_<name>`."""
        functions_by_name: dict[str, Function] = {f.name: f for f in self.functions}
        for function in self.functions:
            for alias in (*function.aliases, f"{self.name}_{function.name}"):
                functions_by_name[alias] = function
        return functions_by_name

    def by_full_name(self) -> dict[str, Function]:
        """Return the functions by `<integration>.<name>`."""
        return {f"{self.name}.{f.name}": f for f in self.functions}

    def function(self, name: str) -> Function:
        """Return the function with this name or alias.

        Raises:
            UnknownNameError: there is none; with the nearest names.
        """
        match = self.names().get(name)
        if match is None:
            near = nearest(name, [f.name for f in self.functions]) or [f.name for f in self.functions]
            raise UnknownNameError(
                f"{self.title} has no function `{name}`.",
                tuple(f"app.integrations.{self.name}.{n}" for n in near),
            )
        return match
