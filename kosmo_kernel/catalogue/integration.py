"""One service: its functions, and what is peculiar to its HTTP."""

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
    """One service: what can be called, and how its HTTP works.

    Parameters:
        name: the Lua name, `heroku`.
        title: for people, `Heroku`.
        description: one sentence.
        base_url: where its API lives.
        functions: what can be called, in the order of the reference.
        credentials: where its tokens live.
        headers: sent with every request.
        labels: fields by which a nested record reads as text, first found wins.
        first_page: what to add to a list's first request.
        next_page: from an answer and the request that led to it, what to add for the next page; None after the last.
        read_error: what an error body says; None when it is not an error of this service.
        page_size: the most records that a page has. A full page that was the last one may be followed by another
            by now, which "unchanged" does not say; where the size is not known, each last page is taken for full.
        request_id: the response header that support asks for.
        budget: how many requests an account may send, or None.
        demo: where its fictional account is, `package.module:name`: a function that gives an API as a WSGI application
            and the token that opens it. Empty for none; looked up at the first call of that account.
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
        found = list(mistakes(self.name, self.functions, self.budget, self.demo))
        if found:
            raise ValueError(f"integration {self.name}: " + "; ".join(found))

    def names(self) -> dict[str, Function]:
        """Every name a function answers to: its own, its aliases, and the full name `<integration>_<name>`."""
        found: dict[str, Function] = {f.name: f for f in self.functions}
        for function in self.functions:
            for alias in (*function.aliases, f"{self.name}_{function.name}"):
                found[alias] = function
        return found

    def by_full_name(self) -> dict[str, Function]:
        """The functions by `<integration>.<name>`."""
        return {f"{self.name}.{f.name}": f for f in self.functions}

    def function(self, name: str) -> Function:
        """The function that answers to `name`.

        Raises:
            UnknownNameError: with the nearest names.
        """
        found = self.names().get(name)
        if found is None:
            near = nearest(name, [f.name for f in self.functions]) or [f.name for f in self.functions]
            raise UnknownNameError(
                f"{self.title} has no function `{name}`.",
                tuple(f"app.integrations.{self.name}.{n}" for n in near),
            )
        return found
