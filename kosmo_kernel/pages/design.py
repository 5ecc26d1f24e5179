"""Share the design of all HTML pages: colours, text, cards, tables, findings, paper, the band over fictional data."""

from __future__ import annotations

import re

from kosmo_kernel.safety.escape import Html

MAX_OPEN_ROWS = 25  # rows of a table that are shown before "more" is opened

# For a light and a dark screen, and for paper.
COLOURS = Html("""\
:root {
  color-scheme: light dark;
  --ground: #fff; --raised: #f7f7fa; --line: #dfe0e8; --ink: #1d1e2c; --soft: #5d6078; --accent: #5b3f9e;
  --warn: #8a4b00; --warn-ground: #fff6e6; --warn-line: #f0cf96; --good: #1f6b43;
  --bad: #b3261e; --bar: #e4dcf8; --high: #b3261e; --medium: #8a4b00; --low: #2a5db0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14151d; --raised: #1d1f2a; --line: #33364a; --ink: #e8e8f0; --soft: #a3a6bb; --accent: #bda4ff;
    --warn: #ffc778; --warn-ground: #2b2213; --warn-line: #5f4a20; --good: #86d6a6;
    --bad: #ff8a80; --bar: #3b2f63; --high: #ff8a80; --medium: #ffc778; --low: #8ab4ff;
  }
}
@media print {
  :root {
    color-scheme: light; --ground: #fff; --ink: #000; --soft: #444; --line: #ccc; --raised: #f3f3f6; --accent: #4a3183;
    --warn: #6b3a00; --warn-ground: #fff6e6; --warn-line: #e0bf86; --good: #1f6b43;
    --bad: #8c1d18; --bar: #e4dcf8; --high: #8c1d18; --medium: #6b3a00; --low: #1d4a94;
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

# The head of a table stays while one scrolls: in the window, or in a box of its own where the table is wide or the
# window is narrow. Where a table has no box of its own, its headings break, so that it is not wider than the page.
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
pre {
  margin: 0 0 16px; padding: 12px 16px; background: var(--raised); border-radius: 10px;
  white-space: pre-wrap; overflow-wrap: anywhere;
}
.figures {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 16px; max-width: none;
  margin: 24px 0 32px; padding: 0; list-style: none;
}
.figures li {
  display: flex; flex-direction: column; padding: 16px; background: var(--raised); border-radius: 10px;
  break-inside: avoid; print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
.figures .name { font-size: 14px; color: var(--soft); }
.figures strong {
  font-size: 32px; font-weight: 700; line-height: 1.2; letter-spacing: -0.02em; font-variant-numeric: tabular-nums;
}
.figures small { font-size: 14px; font-weight: 400; letter-spacing: 0; }
.figures .detail { font-size: 13px; line-height: 1.35; color: var(--soft); }
.nothing, .cut { font-size: 14px; color: var(--soft); }
.cut { margin: 8px 0 16px; font-size: 13px; }
.table { overflow: auto; max-height: 85vh; scrollbar-width: thin; }
table {
  width: 100%; margin-bottom: 8px; border-collapse: separate; border-spacing: 0;
  font-size: 14px; line-height: 1.35; font-variant-numeric: tabular-nums;
}
th, td { padding: 6px 12px; text-align: left; vertical-align: top; border: 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
td { overflow-wrap: break-word; max-width: 24rem; }
thead th { position: sticky; top: 0; z-index: 1; vertical-align: bottom; background: var(--ground); }
tr > :first-child { padding-left: 0; }
.table:has(th:nth-child(10)) tbody td:first-child { white-space: nowrap; }
.table:has(th:nth-child(10)) thead th { overflow-wrap: anywhere; min-width: 6em; }
[align=right] { text-align: right; white-space: nowrap; }
td:empty::after { content: "\\2013"; color: var(--soft); opacity: 0.6; }
tbody tr:hover { background: var(--raised); }
td[style] {
  background: linear-gradient(var(--bar), var(--bar)) no-repeat right 5px / var(--share) 1.35em;
  print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
tfoot td { font-weight: 600; border-bottom: 0; }
tfoot td:empty::after { content: none; }
.fields th { width: 14rem; }
.whole { white-space: pre-wrap; max-width: none; }
.more { font-size: 14px; color: var(--soft); }
.more summary { padding: 8px 0; cursor: pointer; color: var(--accent); }
.table:has(+ .more:not([open])) tbody tr:nth-child(n+FIRST_FOLDED) { display: none; }
.kosmo-check { border-left: 4px solid var(--severity); padding: 1px 0 1px 12px; margin-bottom: 8px; }
.kosmo-check .severity {
  padding: 0 8px; border: 1px solid var(--severity); border-radius: 99px; color: var(--severity); font-size: 13px;
}
.kosmo-check { --severity: var(--soft); }
.kosmo-severity-high { --severity: var(--high); }
.kosmo-severity-medium { --severity: var(--medium); }
.kosmo-severity-low, .kosmo-severity-table { --severity: var(--low); }
.kosmo-severity-none { --severity: var(--good); }
.kosmo-check div { max-width: 75ch; }
.kosmo-check :is(div + div, details) { font-size: 14px; }
.kosmo-check summary { cursor: pointer; color: var(--soft); }
.kosmo-check pre { margin: 8px 0 0; }
.advice { margin: 0 0 16px; font-size: 14px; }
.printed { display: none; }
@media screen and (min-width: 64rem) {
  .table:not(:has(th:nth-child(10))) { overflow: visible; max-height: none; }
  .table:not(:has(th:nth-child(10))) thead th { max-width: 24rem; white-space: normal; overflow-wrap: break-word; }
}
@media (max-width: 46rem) {
  body { padding: 24px 16px 48px; }
  h1 { font-size: 30px; }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px; }
  .figures strong { font-size: 26px; }
}
@page { size: A4; margin: 14mm; @bottom-right { content: counter(page); font: 9px sans-serif; } }
@page turned { size: A4 landscape; }
@media print {
  html, body { font-size: 11.5px; }
  body { max-width: none; padding: 0; }
  h1 { font-size: 24px; }
  h2 { font-size: 15px; margin-top: 24px; }
  h3 { font-size: 11.5px; }
  h1, h2, h3, thead, summary, .kosmo-check { break-after: avoid; }
  tr, img, svg, pre { break-inside: avoid; }
  a { color: inherit; text-decoration: none; }
  pre { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .figures { grid-template-columns: repeat(3, 1fr); gap: 8px; }
  .figures li { padding: 10px 12px; }
  .figures :is(.name, .detail, small) { font-size: 10px; }
  .figures strong { font-size: 22px; }
  .table { overflow: visible; max-height: none; }
  table { font-size: 9.5px; }
  th, td { padding: 2px 5px; }
  thead th { position: static; }
  tfoot { display: table-row-group; }
  td[style] { background-position: right 2px; }
  .table:has(th:nth-child(5)) td { overflow-wrap: anywhere; }
  .table:has(th:nth-child(10)) table { font-size: 8px; }
  .table:has(th:nth-child(10)) thead th { min-width: 4em; }
  .table:has(th:nth-child(15)) :is(th, td) {
    overflow-wrap: anywhere; white-space: normal; min-width: 3em !important; padding: 2px;
  }
  .more { display: none; }
  .table:has(+ .more:not([open])) tbody tr:nth-child(n+FIRST_FOLDED) { display: table-row; }
  .kosmo-check :is(div + div, details), .advice, .nothing, .cut { font-size: 10px; }
  .kosmo-check details :is(summary, pre) { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .printed {
    display: block; position: absolute; inset: 0 0 auto; margin: 0; max-width: none;
    text-align: right; font-size: 10px; color: var(--soft);
  }
  html:has(.printed) body { margin-top: 20px; }
  .fiction ~ .printed { top: 44px; }
}
""").sub(re.compile("FIRST_FOLDED"), lambda _: Html("{}").format(MAX_OPEN_ROWS + 1))
PRINTED = Html('<p class="printed">{}</p>\n')  # stands on paper only: account and day
