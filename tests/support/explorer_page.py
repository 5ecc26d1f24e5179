"""The form of `%kosmo explore` in a page of the browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kosmo_kernel.integrations.heroku import HEROKU

if TYPE_CHECKING:
    from playwright.sync_api import Locator

PRESS = 100  # milliseconds for which a person holds a button


class ExplorerPage:
    """The form below a cell.

    Parameters:
        cell: the cell.

    Attributes:
        area: all that the form shows.
        call: the cell that it writes for the call.
    """

    def __init__(self, cell: Locator) -> None:
        self.area = cell.locator(".jp-OutputArea")
        self.call = self.area.locator("pre").first

    def field(self, name: str) -> Locator:
        return self.area.get_by_label(name, exact=True)

    def choose(self, function: str, account: str = "demo") -> None:
        """Choose a function and an account.

        The form is complete then: a browser drops a click on a button that moves while it is pressed, as Run does when
        the fields above it change.
        """
        from playwright.sync_api import expect

        options = self.field("Function").locator("option").all_text_contents()
        index = next(at for at, option in enumerate(options) if option.split()[0] == f"heroku.{function}")
        self.field("Function").select_option(index=index)
        self.choose_account(account, function)
        names = [param.name for param in HEROKU.by_full_name()[f"heroku.{function}"].params]
        labels = self.area.locator("label.widget-label").filter(visible=True)
        expect(labels).to_have_text(["Find", "Function", "Account", *names])

    def choose_account(self, account: str, function: str) -> None:
        """Choose an account for the function that is chosen, and wait for the call."""
        from playwright.sync_api import expect

        accounts = self.field("Account").locator("option")
        label = next(text for text in accounts.all_text_contents() if text.split()[0] == account)
        self.field("Account").select_option(label)
        expect(self.call).to_have_text(
            re.compile(rf"(?:--account {account}\s.*heroku|heroku\.{account})\.{function}\(")
        )

    def press(self, button: str) -> None:
        self.area.get_by_role("button", name=button, exact=True).click(delay=PRESS)
