"""Make the table, the page and the picture of the results in `results.json`.

    python benchmarks/half_lists/table.py

Writes the table into the README between its two marks, the page `results.md` with versions, commands and messages, and
the picture `.github/half-lists.svg`. Nothing of them is written by hand; a test holds them against the results.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RESULTS, PAGE = HERE / "results.json", HERE / "results.md"
PICTURE, README = ROOT / ".github/half-lists.svg", ROOT / "README.md"
BEGIN, END = "<!-- half lists -->", "<!-- end of half lists -->"

Results = Mapping[str, Any]
SYMBOLS = {"whole": "✓", "error": "!", "silent": "✗", "endless": "∞"}
MEANINGS = {
    "whole": "the whole list",
    "error": "an error that says so",
    "silent": "a part, and nothing says so",
    "endless": "no end",
}
NOT_APPLICABLE = "·"
SHORT = {  # heads of columns
    "503": "503",
    "429": "429",
    "reset": "reset",
    "cut": "cut JSON",
    "lost": "lost link",
    "cursor": "cursor in element",
    "loop": "loop",
    "html": "HTML",
    "total": "total",
    "403": "403",
    "typo": "typo",
    "display": "display",
}
COLUMN, ROW, LEFT, TOP = 46, 34, 236, 112  # of the picture, in pixels


def judged(results: Results) -> list[Results]:
    """Return the tools that could be installed and run."""
    return [tool for tool in results["tools"] if tool["installed"] and tool["ways"]]


def table(results: Results) -> str:
    """Return the table of the README: a row for each tool, a column for each way."""
    names = [way["name"] for way in results["ways"]]
    lines = [
        f"| | {' | '.join(SHORT[name] for name in names)} |",
        f"| :-- |{' :-: |' * len(names)}",
    ]
    for tool in judged(results):
        cells = [_symbol(tool, name) for name in names]
        lines.append(f"| {tool['name']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def legend(results: Results) -> str:
    """Return what the symbols mean, and the day of the results."""
    meanings = [f"{SYMBOLS[verdict]} {meaning}" for verdict, meaning in MEANINGS.items()]
    end = f"within {results['limit']} s, {NOT_APPLICABLE} does not apply. Run on {results['date']}."
    return f"{', '.join(meanings[:-1])},\n{meanings[-1]} {end}"


def _symbol(tool: Results, way: str) -> str:
    found = tool["ways"].get(way)
    return SYMBOLS[found["verdict"]] if found else NOT_APPLICABLE


def page(results: Results) -> str:
    """Return the page with everything that a maintainer needs to object."""
    machine = results["machine"]
    made = (
        "Made by `python benchmarks/half_lists/table.py` from `results.json`. "
        f"Run on {results['date']}, {machine['system']}, Python {machine['python']}, Node {machine['node'] or 'none'}. "
        "How a verdict is reached stands at the top of `run.py`; what is served, in `ways.py`; the commands, in "
        "`tools.toml`. An objection is a change of one of these, or a command that `kosmo demo:serve` answers."
    )
    parts = [
        "# Half lists: twelve ways in which a list comes back short",
        made,
        "\n".join(f"{n}. `{way['name']}`: {way['title']}" for n, way in enumerate(results["ways"], 1)),
        "![The table as a picture](../../.github/half-lists.svg)",
        table(results),
        legend(results),
        *_sections(results),
        "## Not judged",
        "\n".join(_not_judged(results)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _sections(results: Results) -> Iterator[str]:
    for tool in judged(results):
        counts = Counter(way["verdict"] for way in tool["ways"].values())
        undisturbed = ", ".join(f"`{question}` {verdict}" for question, verdict in tool["undisturbed"].items())
        yield f"## {tool['name']}, `{tool['package']}` {tool['version']}"
        yield (
            f"From {tool['registry']}. Pointed at this machine by {tool['address']}. "
            f"Its documentation: [{tool['claims']}]({tool['link']}) "
            f"With nothing wrong: {undisturbed}. "
            f"Judged: {', '.join(f'{counts[verdict]} {verdict}' for verdict in SYMBOLS if counts[verdict])}."
        )
        commands = [f"# {question}\n{command}" for question, command in tool["commands"].items()]
        yield "```sh\n" + "\n".join(commands) + "\n```"
        yield "\n".join(_outcomes(tool))


def _outcomes(tool: Results) -> Iterator[str]:
    yield "| way | verdict | records | exit | what it said |"
    yield "| :-- | :-- | --: | --: | :-- |"
    for name, way in tool["ways"].items():
        message = re.sub(r"\s+", " ", way["message"]).replace("|", "\\|").replace("`", "'")
        code = "ended" if way["exit"] is None else way["exit"]
        said = f"`{message[:160]}`" if message else ""
        yield f"| {name} | {way['verdict']} | {way['records']} of {way['of']} | {code} | {said} |"


def _not_judged(results: Results) -> Iterator[str]:
    for tool in results["tools"]:
        if not tool["installed"]:
            yield f"- [{tool['name']}]({tool['link']}): {tool['reason']}"
        elif not tool["ways"]:
            yield f"- [{tool['name']}]({tool['link']}) {tool['version']}: {tool['reason']}"


def picture(results: Results) -> str:
    """Return the table as a picture, for light and dark screens."""
    names = [way["name"] for way in results["ways"]]
    tools = judged(results)
    width, height = LEFT + COLUMN * len(names) + 16, TOP + ROW * len(tools) + 52
    body = [*_heads(names), *(part for n, tool in enumerate(tools) for part in _row(tool, names, TOP + ROW * n))]
    body += _key(TOP + ROW * len(tools) + 28)
    title = "Twelve ways in which a list comes back short, and what tools make of them"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{title}">\n<style>\n{_STYLE}</style>\n'
        f'<rect class="ground" width="{width}" height="{height}" rx="10"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


_STYLE = """\
text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1d1e2c; }
.head { font-size: 13px; fill: #5d6078; }
.own { font-weight: 700; }
.mark { font-weight: 700; text-anchor: middle; }
.ground { fill: #fff; }
.whole { fill: #dff1e6; } .whole + text { fill: #1f6b43; }
.error { fill: #e9e3f7; } .error + text { fill: #5b3f9e; }
.silent, .endless { fill: #b3261e; } .silent + text, .endless + text { fill: #fff; }
.none { fill: #f7f7fa; } .none + text { fill: #5d6078; }
@media (prefers-color-scheme: dark) {
  text { fill: #e8e8f0; } .head { fill: #a3a6bb; } .ground { fill: #14151d; }
  .whole { fill: #16361f; } .whole + text { fill: #86d6a6; }
  .error { fill: #2c2546; } .error + text { fill: #bda4ff; }
  .silent, .endless { fill: #ff8a80; } .silent + text, .endless + text { fill: #14151d; }
  .none { fill: #1d1f2a; } .none + text { fill: #a3a6bb; }
}
"""


def _heads(names: Sequence[str]) -> Iterator[str]:
    for n, name in enumerate(names):
        x, y = LEFT + COLUMN * n + COLUMN // 2, TOP - 12
        yield f'<text class="head" x="{x}" y="{y}" transform="rotate(-38 {x} {y})">{escape(SHORT[name])}</text>'


def _row(tool: Results, names: Sequence[str], top: int) -> Iterator[str]:
    own = ' class="own"' if tool["registry"] == "here" else ""
    yield f'<text{own} x="16" y="{top + 22}">{escape(tool["name"])}</text>'
    for n, name in enumerate(names):
        found = tool["ways"].get(name)
        verdict = found["verdict"] if found else "none"
        yield from _cell(LEFT + COLUMN * n + 3, top + 3, verdict, _symbol(tool, name))


def _cell(left: int, top: int, verdict: str, symbol: str) -> Iterator[str]:
    width, height = COLUMN - 6, ROW - 6
    yield f'<rect class="{verdict}" x="{left}" y="{top}" width="{width}" height="{height}" rx="5"/>'
    yield f'<text class="mark" x="{left + width // 2}" y="{top + 19}">{symbol}</text>'


def _key(top: int) -> Iterator[str]:
    left = 16
    for verdict, meaning in MEANINGS.items():
        yield from _cell(left, top - 19, verdict, SYMBOLS[verdict])
        yield f'<text class="head" x="{left + COLUMN}" y="{top}">{escape(meaning)}</text>'
        left += COLUMN + 8 * len(meaning)


def with_table(readme: str, results: Results) -> str:
    """Return the README with the table of these results between its marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("the README has no marks for the table")
    return f"{before}{BEGIN}\n{table(results)}\n\n{legend(results)}\n{END}{after}"


def main() -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(page(results), encoding="utf-8")
    PICTURE.write_text(picture(results), encoding="utf-8")
    README.write_text(with_table(README.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main()
