"""A page with hostile outputs, watched: which of them run, ask somebody, move the page, or stand where they may not."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from patience import PATIENCE

Harms = dict[int, set[str]]  # by the number of a case

# Two thirds of a second in which nothing of the outputs changes.
_WATCH = """
window.changed = performance.now();
new MutationObserver(() => { window.changed = performance.now(); })
    .observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["src", "href", "style"] });
"""
_QUIET = "performance.now() - window.changed > 600"

# Each output with the number of its case, by the id of its cell: `7x3-0` has an output for each of 7, 8 and 9. Cells
# have that id in nbconvert's pages, and in JupyterLab's model.
_AREAS = """
window.areas = () => {
    const notebook = window.jupyterapp?.shell.currentWidget?.content;
    const cells = notebook
        ? notebook.widgets.map(cell => [cell.model.id, cell.node])
        : [...document.querySelectorAll('[id^="cell-id="]')].map(node => [node.id.slice(8), node]);
    return cells.flatMap(([id, node]) => {
        const [first, count] = id.split(/[x-]/).map(Number);
        const outputs = [...node.querySelectorAll('.jp-OutputArea-output')];
        return outputs.map((area, at) => [first + Math.min(at, count - 1), area]);
    });
};
"""
# All that would react to somebody who reads reacts: it is touched where it listens, so that the page around is at rest.
_TOUCH = """() => {
    const kinds = ['mouseover', 'mouseenter', 'mousemove', 'pointerenter', 'focus', 'focusin', 'blur', 'toggle',
        'animationstart', 'load', 'error', 'beginEvent'];
    for (const [, area] of areas())
        for (const element of area.querySelectorAll('*'))
            if ([...element.attributes].some(one => /^on/i.test(one.name))) {
                for (const kind of kinds) element.dispatchEvent(new Event(kind));
                element.focus?.({ preventScroll: true });
            }
}"""
# Where to move next: the middle of what stands first in an output that has more than text and tables.
_PLACE = """number => {
    const marks = 'a, button, input, svg, mjx-container, .MathJax, [style]:not(.kosmo-table *)';
    const area = areas().map(([, area]) => area).filter(area => area.querySelector(marks))[number];
    if (!area) return null;
    area.scrollIntoView({ block: 'center', behavior: 'instant' });
    let first = area;
    while (first.firstElementChild?.getBoundingClientRect().width) first = first.firstElementChild;
    const box = first.getBoundingClientRect();
    return [box.x + Math.min(box.width / 2, 20), box.y + Math.min(box.height / 2, 20)];
}"""
_LOOK = """() => {
    const found = [];
    const outside = (box, edge) => box.left < edge.left - 4 || box.top < edge.top - 4 || box.right > edge.right + 4
        || box.bottom > edge.bottom + 4;
    const clipped = (element, area) => {
        const own = element.getBoundingClientRect();
        let box = { left: own.left, top: own.top, right: own.right, bottom: own.bottom };
        let place = getComputedStyle(element).position;
        if (place === 'fixed') return box;
        for (let above = element.parentElement; above && area.contains(above); above = above.parentElement) {
            const style = getComputedStyle(above);
            if (place === 'absolute' && style.position === 'static') continue;
            place = style.position;
            if (style.overflowX !== 'visible') {
                const edge = above.getBoundingClientRect();
                box = { left: Math.max(box.left, edge.left), top: Math.max(box.top, edge.top),
                    right: Math.min(box.right, edge.right), bottom: Math.min(box.bottom, edge.bottom) };
            }
            if (place === 'fixed') break;
        }
        return box;
    };
    const reaches = (rules) => [...(rules ?? [])].some(rule => {
        if (rule.cssRules?.length && !rule.selectorText) return reaches(rule.cssRules);
        const selector = rule.selectorText?.replace(/::?(before|after|backdrop|first-line)/g, '');
        return selector && [...document.querySelectorAll(selector)].some(one => !one.closest('.jp-OutputArea-output'));
    });
    for (const [number, area] of areas()) {
        const edge = area.getBoundingClientRect();
        for (const element of area.querySelectorAll('*')) {
            const style = getComputedStyle(element);
            const own = element.getBoundingClientRect();
            if (style.position === 'fixed' || outside(own, edge)) {
                const box = clipped(element, area);
                const size = Math.max(box.right - box.left, 0) * Math.max(box.bottom - box.top, 0);
                const seen = style.display !== 'none' && style.visibility !== 'hidden' && size > 16;
                if (seen && (style.position === 'fixed' || outside(box, edge))) found.push([number, 'overlay']);
            }
            if (element.matches('.jp-Dialog, [popover], dialog')) found.push([number, 'overlay']);
            if (element.matches('style') && reaches(element.sheet?.cssRules)) found.push([number, 'overlay']);
            if (/^clobber/.test(element.id) || /^clobber/.test(element.getAttribute('name') ?? ''))
                found.push([number, 'name']);
            if (element.matches('.jp-Mermaid, .jp-RenderedMermaid, pre.mermaid')) found.push([number, 'diagram']);
            // JupyterLab makes links of addresses in texts, of `data:` ones too, to which browsers do not go.
            for (const name of ['href', 'xlink:href', 'action', 'formaction', 'data', 'src']) {
                const scheme = /href/.test(name) ? /^[\\x00-\\x20]*(javascript|vbscript):/i
                    : /^[\\x00-\\x20]*(javascript:|vbscript:|data:text)/i;
                if (scheme.test(element.getAttribute(name) ?? '')) found.push([number, 'address']);
            }
            if (element.matches('[data-commandlinker-command]')) found.push([number, 'command']);
            const drawn = [style.cursor, style.backgroundImage, style.listStyleImage, style.borderImageSource,
                style.content, style.maskImage, style.filter].join(' ');
            if (/url\\("?https?:/.test(drawn)) found.push([number, 'style']);
            for (const one of element.attributes) if (/^on/i.test(one.name)) found.push([number, 'handler']);
        }
    }
    return found;
}"""


class Watched:
    """A page of its own, and the harm that is done in it.

    Parameters:
        browser: of playwright.
        canary: the address below which all is harm: the next part of a path is the number of a case.
        own: the addresses that the page may ask, each with all that begins with it.
        served: what stands for an address, as playwright fulfils it, or None.

    Attributes:
        page: the page.
        strange: requests that are neither harm nor the page's own.
    """

    def __init__(
        self,
        browser: Any,
        canary: str,
        own: tuple[str, ...] = (),
        served: Callable[[str], dict[str, Any] | None] | None = None,
    ) -> None:
        self.strange: list[str] = []
        self._harms: Harms = defaultdict(set)
        self._canary, self._own, self._served = canary, own, served or (lambda _url: None)
        self._open: set[Any] = set()
        # What a page's own policy would forbid is found as well: nothing may depend on it.
        size = {"width": 1200, "height": 900}
        context = browser.new_context(viewport=size, service_workers="block", bypass_csp=True)
        self.context = context
        context.set_default_timeout(PATIENCE * 1000)
        context.expose_binding("harm", lambda _source, number=0, *_: self._harms[int(number or 0)].add("script"))
        context.add_init_script(_WATCH + _AREAS)
        context.route("**/*", self._answer)
        context.on("request", self._begun)
        context.on("requestfinished", self._ended)
        context.on("requestfailed", self._ended)
        self.page = context.new_page()
        context.on("page", lambda page: self._strange(f"a window: {page.url}"))
        self.page.on("dialog", self._answered)
        self.page.on("websocket", lambda socket: self._record_request(socket.url))

    def close(self) -> None:
        """Close it."""
        self.context.close()

    def settle(self) -> None:
        """Wait until nothing changes and nothing is on its way.

        Raises:
            TimeoutError: that did not come.
        """
        ending = time.monotonic() + PATIENCE
        while True:
            self.page.wait_for_function(_QUIET, timeout=PATIENCE * 1000)
            if not self._open:
                return
            if time.monotonic() > ending:
                raise TimeoutError(f"still on their way: {[request.url for request in self._open]}")
            self.page.evaluate("window.changed = performance.now()")

    def harms(self) -> Harms:
        """Return what harm all outputs have done, once somebody has moved over them and looked at each."""
        self.settle()
        self.page.evaluate(_TOUCH)
        number = 0
        while place := self.page.evaluate(_PLACE, number):
            self.page.mouse.move(*place)
            number += 1
        self.settle()
        self._look()
        return {number: kinds for number, kinds in sorted(self._harms.items()) if kinds}

    def _look(self) -> None:
        for number, kind in self.page.evaluate(_LOOK):
            self._harms[number].add(kind)

    def _begun(self, request: Any) -> None:
        self._open.add(request)

    def _ended(self, request: Any) -> None:
        self._open.discard(request)

    def _answer(self, route: Any) -> None:
        request = route.request
        if served := self._served(request.url):
            route.fulfill(**served)
        elif self._record_request(request.url, "navigation" if self._moves(request) else "request"):
            route.continue_()
        elif request.url.startswith(self._canary):
            route.fulfill(status=204)
        else:
            route.abort()

    def _moves(self, request: Any) -> bool:
        return bool(request.is_navigation_request()) and request.frame == self.page.main_frame

    def _record_request(self, url: str, kind: str = "request") -> bool:
        """Note a request; whether it is the page's own."""
        if url.startswith(self._canary):
            number = re.match(r"/(\d+)", urlsplit(url).path)
            self._harms[int(number[1]) if number else 0].add(kind)
            return False
        if url.startswith(self._own):
            return True
        self._strange(url)
        return False

    def _strange(self, what: str) -> None:
        self.strange.append(what)

    def _answered(self, dialog: Any) -> None:
        if dialog.type == "beforeunload":  # JupyterLab asks whether to move; where to is known if it does
            dialog.accept()
            return
        self._strange(f"a dialog: {dialog.message}")
        dialog.dismiss()


def written(harms: Harms, names: dict[int, str]) -> str:
    """Harms in lines."""
    return "\n".join(
        f"{names.get(number, 'nothing known')}: {', '.join(sorted(kinds))}" for number, kinds in harms.items()
    )


def documents(cases: list[Any]) -> str:
    """Cases as JSON, for another process."""
    return json.dumps([{"number": one.number, "door": one.door, "text": one.text} for one in cases])
