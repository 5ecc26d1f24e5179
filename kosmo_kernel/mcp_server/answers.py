"""The text of an answer to an agent, within a number of tokens: of runs, checks, searches and lists.

An answer is sent once, as text. What a script printed and returned stands between `<data>` and `</data>`, because
names and descriptions in it were written by others, and so do errors and notes, which quote scripts, services and
failed items; where the data has what looks like such a tag itself, the tag gets a number that the data does not have.
Outside are words of our own, numbers and names of classes only. An error comes first and is never cut away by other
parts. Below the data stand what was cut, and the name under which the whole value is kept. Several checks are answered
with a summary, whose value has all findings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from kosmo_kernel import integrations
from kosmo_kernel.errors import KosmoError
from kosmo_kernel.mcp_server.sessions import ClientSession
from kosmo_kernel.mcp_server.tokens import within
from kosmo_kernel.render.bounded import Bounded, bounded
from kosmo_kernel.render.error_lines import error_lines
from kosmo_kernel.render.text import escape_control
from kosmo_kernel.results import Result, dry_run_summary
from kosmo_kernel.safety.text import shortened, skeleton
from kosmo_kernel.values.records import Records

MAX_VALUES = 20  # values of one script that are shown
MAX_NOTE_LENGTH = 300  # characters
MORE = "more"  # in place of code: the next rows of the list that was cut last
TAG = "data"

_ANGLE_BRACKET = re.compile("[<\ufe64\uff1c]")
_TAGS = 40  # characters of both tags, with the line ends around all parts
_OVERHEAD = 80  # characters of both tags and of the line above them, with their line ends
_NOTES = 240  # characters that notes may use even of a small bound
_MIN_ROOM = 40  # characters that are worth showing
_MAX_HINTS = 3
_HINT_LENGTH = 200  # characters of a line on what was cut
_NO_ROOM = "What was printed and returned has no room here: ask for more `max_tokens`."
_CUT_ERROR = "… the message is cut here"
_MORE_NOTES = "… {:,} more notes"


class ToolResult(NamedTuple):
    """The result of a call."""

    text: str  # the result as text
    failed: bool = False  # the result is an error
    rows: int = 0  # how many rows of the first value are in it; 0 if it is no table


def answer_of_text(text: str, max_tokens: int, rest: str = "") -> str:
    """Return a text of our own, a page for example, within a number of tokens.

    Parameters:
        text: the text.
        max_tokens: the bound.
        rest: the Lua expression that has the text, for the advice on how to see the rest of it.
    """

    def within_width(width: int) -> str:
        if len(text) <= width:
            return text
        part = bounded(text, width - _HINT_LENGTH)
        how = f" `lua_run` with `{rest}:sub({part.next_byte})` has the rest." if rest and part.next_byte else ""
        return f"{part.text}\n… {part.left_out}.{how}"

    return within(max_tokens, within_width, str)


def answer_of_data(lines: Sequence[str], max_tokens: int, above: Sequence[str] = (), notes: Sequence[str] = ()) -> str:
    """Return the first lines of data and notes within a number of tokens, below a few lines of our own."""

    def within_width(width: int) -> str:
        head, noted = "\n".join(above), _notes(notes, width // 4)
        part = bounded("\n".join(lines), width - len(head) - len(noted) - _OVERHEAD)
        data = "\n".join(filter(None, [part.text, noted]))
        return "\n".join(filter(None, [head, tagged(data), f"… {part.left_out}." if part.left_out else ""]))

    return within(max_tokens, within_width, str)


def answer_of_run(
    result: Result | None,
    max_tokens: int,
    *,
    error: KosmoError | None = None,
    name: str = "",
    first_row: int = 1,
    earlier: Sequence[str] = (),
    further: str = "",
    summary_of_value: Callable[[int], str] | None = None,
) -> ToolResult:
    """Return the answer to a run of Lua or to a call.

    Parameters:
        result: the result, a partial one if it failed; None if it did not start.
        max_tokens: the bound.
        error: the error if it failed.
        name: the name under which the value is kept whole, `Out[3]`; empty if it is not kept.
        first_row: the number in that value of the first row of the result.
        earlier: notes on calls that were answered before their end.
        further: one more line of our own.
        summary_of_value: returns the text that stands for the value, within a number of characters; that of the value
            itself if None.
    """

    def within_width(bound: int) -> ToolResult:
        message = _error(error, bound * 3 // 4) if error else ""
        notes = [*earlier, *(result.shown_notes if result else ())]
        notes += [dry_run_summary(result.planned)] if result and result.dry_run and not error else []
        noted = _notes(notes, min(max(bound // 4, _NOTES), bound - len(message) - len(_NO_ROOM)) - len(further) - _TAGS)
        values = list(result.values_to_show) if result and not error else []
        values = values if any(value is not None for value in values) else []
        room = bound - len(message) - len(noted) - len(further) - _OVERHEAD
        if summary_of_value:
            data, hints, rows = summary_of_value(room), list[str](), 0
        else:
            data, hints, rows = _data(result.output.rstrip("\n") if result else "", values, room, name)
        has_parts = any(isinstance(value, (Records, Mapping, list)) for value in values[:1])
        handle = f"{name}:" if first_row == 1 else f"{name}, from row {first_row:,}:"
        head, last = handle if name and data and not error and (hints or has_parts) else "", further
        if error:
            head = type(error).__name__
            message += "\nPrinted before:" if data else ""
        elif not data and not (result and result.dry_run):
            head, last = further or "nil", ""
        data = "\n".join(filter(None, [message, data, noted]))
        text = "\n".join(filter(None, [head, tagged(data), *hints, last]))
        teams = _about_teams(data)
        text += f"\n{teams}" if teams and len(text) + len(teams) < bound else ""
        return ToolResult(text, error is not None, rows)

    return within(max_tokens, within_width, lambda answer: answer.text)


def _about_teams(data: str) -> str:
    """Return a line on the addresses in data that stand for teams; an empty text if there are none."""
    # Most data has no address, and loading all services takes time.
    addresses = (service.team_address for service in integrations.load_all()) if "@" in data else ()
    there = (address for address in addresses if address and address in data)
    return next((f"`NAME{address}` is the team NAME, and no person." for address in there), "")


def ending_notes(name: str, result: Result | None, error: KosmoError | None) -> list[str]:
    """Return what the next answer has to tell of a call that was answered before its end.

    Parameters:
        name: the name under which its value would be kept.
        result: the result, a partial one if it failed.
        error: the error if it failed.
    """
    notes = result.shown_notes if result else []
    if error:
        notes.insert(0, f"it failed: {error_lines(error)[0]}")
    elif result is None or result.value is None:
        notes.insert(0, "it has ended, without a value" + (" but with an output" if result and result.output else ""))
    return [f"{name}: {note}" for note in notes]


def _error(error: KosmoError, room: int) -> str:
    """Return the message of an error and the lines of the script, without its class."""
    text = "\n".join(error_lines(error)).removeprefix(f"{type(error).__name__}: ")
    part = bounded(text, room)
    return f"{bounded(text, room - len(_CUT_ERROR) - 1).text}\n{_CUT_ERROR}" if part.left_out else part.text


def _notes(notes: Sequence[str], room: int) -> str:
    """Return the notes that fit, each on a line, and how many more there are."""
    lines: list[str] = []
    room -= len(_MORE_NOTES)
    for number, note in enumerate(notes):
        line = "Note: " + shortened(escape_control(note), MAX_NOTE_LENGTH)
        room -= len(line) + 1
        if room < 0:
            lines.append(_MORE_NOTES.format(len(notes) - number))
            break
        lines.append(line)
    return "\n".join(lines)


def tagged(data: str) -> str:
    """Return data between two tags of which the data has nothing that looks like them."""
    if not data:
        return ""
    tag = TAG
    visible = skeleton(data) if _ANGLE_BRACKET.search(data) else ""
    if f"</{TAG}" in visible:
        tag = next(tag for number in count(2) if (tag := f"{TAG}-{number}") not in visible)
    return f"<{tag}>\n{data}\n</{tag}>"


def _data(output: str, values: Sequence[Any], room: int, name: str) -> tuple[str, list[str], int]:
    """Return what was printed and returned within `room` characters, lines on what was left out, and the rows of it."""
    hints: list[str] = []
    room_if_cut = room - _HINT_LENGTH * min(len(values) + bool(output), _MAX_HINTS)  # leaves room for these lines
    for space in (room, room_if_cut):
        if hints and space < _MIN_ROOM:
            return "", [_NO_ROOM], 0
        parts = _values(values, space)
        printed = bounded(output, max(space // 3, space - len(_joined("", parts)) - 2) if values else space)
        if output:
            parts = _values(values, space - len(printed.text) - 1)
        alone = "Return it alone to keep it whole, or ask for less of it."
        rests = [_rest(part, name if part is parts[0] else "", alone) for part in parts]
        hints = [
            f"Not shown: {part.left_out}. {rest}" for part, rest in zip(parts, rests, strict=True) if part.left_out
        ]
        if printed.left_out:
            more = _rest(printed, name if not values else "", "Print less, or return the value, which is kept whole.")
            hints.insert(0, f"Printed, not shown: {printed.left_out}. {more}")
        if not hints:
            break
    text = _joined(printed.text, parts)
    return text or '""' if values else text, hints[:_MAX_HINTS], parts[0].rows if parts else 0


def _rest(part: Bounded, name: str, otherwise: str) -> str:
    """Return where the rest of a part is, and what to do next."""
    if not name:
        return otherwise
    if part.next_byte:
        return f"The whole text is {name}; `{name}:sub({part.next_byte})` has the rest."
    if part.form == "table":
        more = f" The code `{MORE}` has the next rows." if part.rows and part.rows_left else ""
        return f"The whole list is {name}: filter it or count it in the next lua_run.{more}"
    return f"The whole value is {name}: choose a part of it in the next lua_run."


def _values(values: Sequence[Any], room: int) -> list[Bounded]:
    """Return the values within `room` characters, all of which the last one may use."""
    parts: list[Bounded] = []
    several = len(values) > 1
    for index, value in enumerate(values[:MAX_VALUES]):
        label = f"[{index + 1}] " if several else ""
        share = room // (min(len(values), MAX_VALUES) - index)
        part = bounded(value, share - len(label) - 1)
        parts.append(part._replace(text=label + part.text))
        room -= len(parts[-1].text) + 1
    if len(values) > MAX_VALUES:
        parts.append(Bounded("", "text", f"{len(values) - MAX_VALUES:,} more values"))
    return parts


def _joined(output: str, parts: Sequence[Bounded]) -> str:
    return "\n".join(text for text in (output, *(part.text for part in parts)) if text)


# What a session has -------------------------------------------------------------------------------------------------

MAX_VALUE_LENGTH = 60  # characters of a kept value


def session_lines(session: ClientSession) -> list[str]:
    """Return a line for each variable of a session, then for each value in `Out`, the last one first."""
    rows = (row for row in session.lua.variables() if row["name"] != "_")
    return [f"{row['name']}: {row['type']} {row['size']}".rstrip() for row in rows] + kept_lines(session)


def kept_lines(session: ClientSession) -> list[str]:
    """Return a line for each value in `Out` of a session, the last one first."""
    values = [(number, bounded(value, MAX_VALUE_LENGTH).text) for number, value in session.lua.kept.items()]
    return [f"Out[{number}]: {text.splitlines()[0]}" for number, text in reversed(values)]


def running_lines(session: ClientSession) -> list[str]:
    """Return a line for each call of a session that still runs."""
    return [f"{call.name or 'A dry run'} still runs:\n{tagged(call.describe())}" for call in session.running()]
