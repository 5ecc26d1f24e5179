"""The style of the page of an executed notebook, on a screen (light and dark) and on paper.

Its elements are those of nbconvert's template `lab`. Outputs take their colours from variables of JupyterLab, which get
the colours of the page here.
"""

from __future__ import annotations

import re

from kosmo_kernel.pages.design import BAND, COLOURS
from kosmo_kernel.render.style import CSS
from kosmo_kernel.safety.escape import Html

MAX_OPEN_ROWS = 25  # rows of a table that are shown before "more" is opened

_STYLE = Html("""\
:root {
  --jp-border-color2: var(--line); --jp-layout-color0: var(--ground); --jp-content-font-color2: var(--soft);
  --jp-code-font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace;
  --jp-mirror-editor-keyword-color: var(--accent); --jp-mirror-editor-string-color: var(--good);
  --jp-mirror-editor-number-color: var(--good); --jp-mirror-editor-comment-color: var(--soft);
}
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
.anchor-link, .jp-Collapser, .jp-InputCollapser { display: none; }
img, svg { max-width: 100%; height: auto; }
.jp-RenderedImage img { background: #fff; border-radius: 6px; }
code, pre { font-family: var(--jp-code-font-family); font-size: 0.875em; }
p code, li code { padding: 1px 4px; background: var(--raised); border-radius: 4px; overflow-wrap: anywhere; }
pre { margin: 0 0 16px; white-space: pre-wrap; overflow-wrap: anywhere; }
.highlight pre { padding: 12px 16px; background: var(--raised); border-radius: 10px; }
.jp-RenderedText pre { font-size: 14px; color: var(--soft); }
[data-mime-type="application/vnd.jupyter.stderr"] pre { color: var(--warn); }
.ansi-red-fg, .ansi-red-intense-fg { color: var(--bad); }
.ansi-green-fg, .ansi-green-intense-fg { color: var(--good); }
.ansi-bold { font-weight: 700; }
.jp-OutputArea-child { margin-bottom: 16px; }
.jp-OutputArea-child:has(+ .jp-OutputArea-child .kosmo-table) { margin-bottom: 8px; }
table { border-collapse: collapse; font-size: 14px; line-height: 1.35; font-variant-numeric: tabular-nums; }
.kosmo-table.kosmo-table > div, div:has(> table) { overflow: auto hidden; max-height: none !important; }
.kosmo-table.kosmo-table table { font-size: 14px; }
.kosmo-table.kosmo-table table tr > * { padding: 6px 12px; line-height: 1.35; }
.kosmo-table.kosmo-table table tr > :first-child { padding-left: 0; }
.kosmo-table.kosmo-table thead th { color: var(--soft); vertical-align: bottom; }
.kosmo-table.kosmo-table td:is([title], :has(a)) { white-space: normal; overflow-wrap: anywhere; min-width: 20em; }
.kosmo-table.kosmo-table tbody th { min-width: 10em; }
.kosmo-table.kosmo-table p { margin: 8px 0 0; font-size: 13px; opacity: 1; color: var(--soft); }
.nothing { color: var(--soft); }
.more { font-size: 14px; color: var(--soft); }
.more summary { padding: 8px 0; cursor: pointer; color: var(--accent); }
.kosmo-table:has(.more:not([open])) tbody tr:nth-child(n+FIRST_FOLDED) { display: none; }
.celltag_key-figures { margin: 24px 0 32px; }
.celltag_key-figures .jp-OutputArea {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 16px;
}
.celltag_key-figures :is(.jp-OutputArea-child, .jp-RenderedHTML, .jp-RenderedHTML div, table, tbody) {
  display: contents;
}
.celltag_key-figures .kosmo-table :is(thead, p, .more) { display: none; }
.celltag_key-figures .jp-RenderedText { grid-column: 1 / -1; order: 1; }
.celltag_key-figures .jp-RenderedHTML > p { grid-column: 1 / -1; order: -1; max-width: 75ch; }
.celltag_key-figures :is(pre, .jp-RenderedHTML > p) { margin: 0; }
.celltag_key-figures .jp-RenderedText pre { font: inherit; font-size: 13px; }
.celltag_key-figures .kosmo-table.kosmo-table tr {
  display: flex; flex-direction: column; padding: 16px; background: var(--raised); border-radius: 10px;
  break-inside: avoid;
}
.celltag_key-figures .kosmo-table.kosmo-table tr > * {
  position: static; min-width: 0; max-width: none; padding: 0; border: 0; background: none !important;
  animation: none;
  text-align: left !important; white-space: normal;
}
.celltag_key-figures .kosmo-table.kosmo-table tr > :first-child {
  font-size: 14px; font-weight: 400; color: var(--soft);
}
.celltag_key-figures tr > :first-child::first-letter { text-transform: uppercase; }
.celltag_key-figures .kosmo-table.kosmo-table tr > :nth-child(2) {
  font-size: 32px; font-weight: 700; line-height: 1.2; letter-spacing: -0.02em;
}
.celltag_key-figures .kosmo-table.kosmo-table tr > :nth-child(3) { font-size: 13px; color: var(--soft); }
.celltag_key-figures .kosmo-table.kosmo-table tr > :nth-child(3):empty { display: none; }
.celltag_kosmo-run { font-size: 14px; color: var(--soft); }
.celltag_kosmo-run h2 { color: var(--ink); }
@media (max-width: 46rem) {
  body { padding: 24px 16px 48px; }
  h1 { font-size: 30px; }
  .celltag_key-figures .jp-OutputArea { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px; }
  .celltag_key-figures .kosmo-table.kosmo-table tr > :nth-child(2) { font-size: 26px; }
  .kosmo-table.kosmo-table td:is([title], :has(a)) { min-width: 14em; }
}
@page { size: A4; margin: 14mm; @bottom-right { content: counter(page); font: 9px sans-serif; } }
@page turned { size: A4 landscape; }
@media print {
  html { font-size: 11.5px; }
  body { max-width: none; padding: 0; font-size: 11.5px; }
  h1 { font-size: 24px; }
  h2 { font-size: 15px; margin-top: 24px; }
  h1, h2, h3, thead, .jp-MarkdownCell:has(+ .jp-CodeCell) { break-after: avoid; }
  tr, img, .jp-CodeCell { break-inside: avoid; }
  a { color: inherit; text-decoration: none; }
  .jp-RenderedHTML div[style] { font-size: 11.5px !important; }
  .more { display: none; }
  .kosmo-table.kosmo-table tbody tr { display: table-row !important; }
  .celltag_key-figures .jp-OutputArea { grid-template-columns: repeat(3, 1fr); gap: 8px; }
  .celltag_key-figures .kosmo-table.kosmo-table tbody tr { display: flex !important; }
  .celltag_key-figures .kosmo-table.kosmo-table tr > :nth-child(2) { font-size: 22px; }
  .celltag_key-figures tr { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .kosmo-table.kosmo-table > div, div:has(> table) { overflow: visible; }
  .jp-Cell-outputWrapper, .jp-OutputArea, .jp-OutputArea-child, .jp-OutputArea-output { display: block; }
  :is(.jp-CodeCell, .jp-OutputArea-child):has(.kosmo-table :is(th:nth-child(10), tr:nth-child(20))) {
    break-inside: auto;
  }
  .kosmo-table.kosmo-table table { font-size: 11px; }
  .kosmo-table.kosmo-table td:is([title], :has(a)) { min-width: 10em; }
  .kosmo-table.kosmo-table table:has(th:nth-child(5)) td { overflow-wrap: anywhere; }
  .kosmo-table.kosmo-table tr > :first-child:not([title]) { white-space: nowrap; }
  .kosmo-table.kosmo-table table:has(th:nth-child(6)) { font-size: 9px; }
  .kosmo-table.kosmo-table table:has(th:nth-child(6)) tr > * { padding: 3px 5px; }
  .jp-Cell:is(:has(.kosmo-table th:nth-child(10)), :has(+ .jp-CodeCell .kosmo-table th:nth-child(10))) { page: turned; }
  .kosmo-table.kosmo-table table:has(th:nth-child(10)) { font-size: 8px; }
  .kosmo-table.kosmo-table table:has(th:nth-child(10)) tr > * {
    max-width: none !important; padding: 2px 4px !important; white-space: normal !important; overflow-wrap: break-word;
  }
  .kosmo-table.kosmo-table table:has(th:nth-child(15)) tr > * { overflow-wrap: anywhere; min-width: 3em; }
}
""").sub(re.compile("FIRST_FOLDED"), lambda _: Html("{}").format(MAX_OPEN_ROWS + 1))
STYLE = Html("<style>\n{}{}\n{}{}</style>").format(COLOURS, CSS, _STYLE, BAND)
