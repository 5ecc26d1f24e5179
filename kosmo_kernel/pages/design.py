"""Share the design of all HTML pages: colours, text, cards, folded rows, paper, and the band over fictional data."""

from __future__ import annotations

import re

from kosmo_kernel.safety.escape import Html

MAX_OPEN_ROWS = 25  # rows of a table that are shown before "more" is opened

# For a light and a dark screen, and for paper.
COLOURS = Html("""\
:root {
  color-scheme: light dark;
  --ground: #fff; --raised: #f7f7fa; --line: #dfe0e8; --ink: #1d1e2c; --soft: #5d6078; --accent: #5b3f9e;
  --warn: #8a4b00; --warn-ground: #fff6e6; --warn-line: #f0cf96; --good: #1f6b43; --good-ground: #eef8f1;
  --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14151d; --raised: #1d1f2a; --line: #33364a; --ink: #e8e8f0; --soft: #a3a6bb; --accent: #bda4ff;
    --warn: #ffc778; --warn-ground: #2b2213; --warn-line: #5f4a20; --good: #86d6a6; --good-ground: #16261d;
    --bad: #ff8a80;
  }
}
@media print {
  :root {
    color-scheme: light; --ground: #fff; --ink: #000; --soft: #444; --line: #ccc; --raised: #f3f3f6; --accent: #4a3183;
    --warn: #6b3a00; --warn-ground: #fff6e6; --warn-line: #e0bf86; --good: #1f6b43; --good-ground: #eef8f1;
    --bad: #8c1d18;
  }
}
""")
# The band is as wide as the window, whatever the width of the body, and leaves its own height free.
BAND = Html("""\
.fiction {
  position: absolute; inset: 0 0 auto; padding: 8px 24px; max-width: none; margin: 0;
  text-align: center; font-size: 14px;
  line-height: 24px; background: var(--warn-ground); color: var(--warn); border-bottom: 1px solid var(--warn-line);
}
.fiction strong { letter-spacing: 0.06em; }
html:has(.fiction) body { margin-top: 41px; }
@media (max-width: 46rem) { .fiction { padding: 8px 16px; } html:has(.fiction) body { margin-top: 65px; } }
@media print {
  .fiction { border: 1px solid var(--warn-line); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  html:has(.fiction) body { margin-top: 64px; }
}
""")
FICTION = Html(
    '<p class="fiction" role="note"><strong>FICTIONAL DATA</strong> of the demo company, not of your account</p>'
)

# A card is an item with a name, a figure and a detail. The figures of a notebook are rows of a table.
PAGE = Html("""\
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 1216px; padding: 40px 24px 64px; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1, h2, h3, p, ul, ol { margin: 0 0 16px; }
h1 { font-size: 36px; line-height: 1.15; letter-spacing: -0.02em; }
h2 { font-size: 20px; line-height: 1.3; letter-spacing: -0.01em; margin-top: 48px; }
h3 { font-size: 16px; margin-top: 24px; }
:is(p, ul, ol) { max-width: 75ch; }
a { color: var(--accent); }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.875em; }
table { border-collapse: collapse; font-size: 14px; line-height: 1.35; font-variant-numeric: tabular-nums; }
:is(CARDS) {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 16px; max-width: none;
  margin: 24px 0 32px; padding: 0; list-style: none;
}
:is(CARD) {
  display: flex; flex-direction: column; padding: 16px; background: var(--raised); border-radius: 10px;
  break-inside: avoid; print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
:is(CARD) > :first-child { font-size: 14px; font-weight: 400; color: var(--soft); }
:is(CARD) > :nth-child(2) {
  font-size: 32px; font-weight: 700; line-height: 1.2; letter-spacing: -0.02em; font-variant-numeric: tabular-nums;
}
:is(CARD) > :nth-child(3) { font-size: 13px; line-height: 1.35; color: var(--soft); }
.nothing { color: var(--soft); }
.more { font-size: 14px; color: var(--soft); }
.more summary { padding: 8px 0; cursor: pointer; color: var(--accent); }
:is(.kosmo-table:has(.more:not([open])), .table:has(+ .more:not([open]))) tbody tr:nth-child(n+FIRST_FOLDED) {
  display: none;
}
.printed { display: none; }
@media (max-width: 46rem) {
  body { padding: 24px 16px 48px; }
  h1 { font-size: 30px; }
  :is(CARDS) { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px; }
  :is(CARD) > :nth-child(2) { font-size: 26px; }
}
@page { size: A4; margin: 14mm; @bottom-right { content: counter(page); font: 9px sans-serif; } }
@media print {
  html, body { font-size: 11.5px; }
  body { max-width: none; padding: 0; }
  h1 { font-size: 24px; }
  h2 { font-size: 15px; margin-top: 24px; }
  h3 { font-size: 11.5px; }
  h1, h2, h3, thead { break-after: avoid; }
  tr, img { break-inside: avoid; }
  a { color: inherit; text-decoration: none; }
  :is(CARDS) { grid-template-columns: repeat(3, 1fr); gap: 8px; }
  :is(CARD) { padding: 10px 12px; }
  :is(CARD) > :is(:first-child, :nth-child(3)) { font-size: 10px; }
  :is(CARD) > :nth-child(2) { font-size: 22px; }
  .more { display: none; }
  :is(.kosmo-table:has(.more:not([open])), .table:has(+ .more:not([open]))) tbody tr:nth-child(n+FIRST_FOLDED) {
    display: table-row;
  }
  details::details-content { content-visibility: visible; block-size: auto; }
  .printed {
    display: block; position: absolute; inset: 0 0 auto; margin: 0; max-width: none;
    text-align: right; font-size: 10px; color: var(--soft);
  }
  html:has(.printed) body { margin-top: 20px; }
  .fiction ~ .printed { top: 44px; }
}
""").sub(
    re.compile("CARDS|CARD|FIRST_FOLDED"),
    lambda name: {
        "CARDS": Html(".figures, .celltag_key-figures .jp-OutputArea"),
        "CARD": Html(".figures li, .celltag_key-figures .kosmo-table.kosmo-table tbody tr"),
        "FIRST_FOLDED": Html("{}").format(MAX_OPEN_ROWS + 1),
    }[name.group()],
)
PRINTED = Html('<p class="printed">{}</p>\n')  # stands on paper only: account and day
