"""An API that keeps its answers back until a test lets them go, on a real port or in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from patience import PATIENCE


class Gate:
    """Passes requests on to an API, those whose path ends in one of some words only when it is open.

    Parameters:
        api: who answers.
        held: the ends of the paths that are kept back.

    Attributes:
        asked: the paths, in the order in which they came.
        open: lets all through that wait, and all to come.
    """

    def __init__(self, api: WSGIApplication, *held: str) -> None:
        self._api, self._held = api, held
        self._arrived = threading.Condition()
        self.asked: list[str] = []
        self.open = threading.Event()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        with self._arrived:
            self.asked.append(path)
            self._arrived.notify_all()
        if path.endswith(self._held):
            self.open.wait(PATIENCE)
        return self._api(environ, start_response)

    def timer(self, count: int) -> type[threading.Timer]:
        """Timers for which no time passes before so many requests have come."""
        wait_for = self.wait_for

        class Late(threading.Timer):
            def run(self) -> None:
                wait_for(count)
                super().run()

        return Late

    def wait_for(self, count: int) -> None:
        """Wait until so many requests have come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.asked) >= count, PATIENCE), f"only {self.asked} came"


def soon(action: Any, *args: Any) -> threading.Thread:
    """Do something in a thread of its own."""
    thread = threading.Thread(target=action, args=args, daemon=True)
    thread.start()
    return thread
