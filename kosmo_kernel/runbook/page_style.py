"""The style of the page of an executed notebook, on a screen (light and dark) and on paper.

Its elements are those of nbconvert's template `lab`. Outputs take their colours from variables of JupyterLab, which get
the colours of the page here.
"""

from __future__ import annotations

from kosmo_kernel.pages.design import BAND, COLOURS, PAGE
from kosmo_kernel.render.style import CSS
from kosmo_kernel.safety.escape import Html

# Charts are drawn on white. On a dark screen their colours keep the hue, and their ground is that of the page.
_STYLE = Html("""\
:root {
  --jp-border-color2: var(--line); --jp-layout-color0: var(--ground); --jp-content-font-color2: var(--soft);
  --jp-code-font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace;
  --jp-mirror-editor-keyword-color: var(--accent); --jp-mirror-editor-string-color: var(--good);
  --jp-mirror-editor-number-color: var(--good); --jp-mirror-editor-comment-color: var(--soft);
}
.anchor-link, .jp-Collapser, .jp-InputCollapser { display: none; }
img, svg { max-width: 100%; height: auto; }
.jp-RenderedImage img { background: #fff; border-radius: 6px; }
@media screen and (prefers-color-scheme: dark) {
  :is(.jp-RenderedImage img, .jp-RenderedSVG svg) { filter: invert(1) hue-rotate(180deg); mix-blend-mode: screen; }
}
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
.kosmo-table.kosmo-table > div, div:has(> table) { overflow: auto hidden; max-height: none !important; }
@media screen {
  main div.kosmo-table.kosmo-table table { font-size: 14px; }
  main div.kosmo-table.kosmo-table table tr > * { padding: 6px 12px; line-height: 1.35; }
}
.kosmo-table.kosmo-table table tr > :first-child { padding-left: 0; }
.kosmo-table.kosmo-table thead th { color: var(--soft); vertical-align: bottom; }
.kosmo-table.kosmo-table td:is([title], :has(a)) { white-space: normal; overflow-wrap: anywhere; min-width: 20em; }
.kosmo-table.kosmo-table tbody th { min-width: 10em; }
.kosmo-table.kosmo-table p { margin: 8px 0 0; font-size: 13px; opacity: 1; color: var(--soft); }
.celltag_key-figures :is(.jp-OutputArea-child, .jp-RenderedHTML, .jp-RenderedHTML div, table, tbody) {
  display: contents;
}
.celltag_key-figures .kosmo-table :is(thead, p, .more) { display: none; }
.celltag_key-figures .jp-RenderedText { grid-column: 1 / -1; order: 1; }
.celltag_key-figures .jp-RenderedHTML > p { grid-column: 1 / -1; order: -1; max-width: 75ch; }
.celltag_key-figures :is(pre, .jp-RenderedHTML > p) { margin: 0; }
.celltag_key-figures .jp-RenderedText pre { font: inherit; font-size: 13px; }
.celltag_key-figures .kosmo-table.kosmo-table tr > * {
  position: static; min-width: 0; max-width: none; padding: 0; border: 0; background: none !important;
  animation: none;
  text-align: left !important; white-space: normal;
}
.celltag_key-figures tr > :first-child::first-letter { text-transform: uppercase; }
.celltag_key-figures .kosmo-table.kosmo-table tr > :nth-child(3):empty { display: none; }
.celltag_kosmo-run { font-size: 14px; color: var(--soft); }
.celltag_kosmo-run h2 { color: var(--ink); }
@media (max-width: 46rem) {
  .kosmo-table.kosmo-table td:is([title], :has(a)) { min-width: 14em; }
}
@page turned { size: A4 landscape; }
@media print {
  .jp-MarkdownCell:has(+ .jp-CodeCell) { break-after: avoid; }
  .jp-CodeCell { break-inside: avoid; }
  .jp-RenderedHTML div[style] { font-size: 11.5px !important; }
  .check details pre, .passed details div { display: none; }
  .check summary { display: block; }
  .celltag_key-figures .jp-RenderedText pre, .jp-RenderedText pre, .celltag_kosmo-run { font-size: 10px; }
  .kosmo-table.kosmo-table > div, div:has(> table) { overflow: visible; }
  .jp-Cell-outputWrapper, .jp-OutputArea, .jp-OutputArea-child, .jp-OutputArea-output { display: block; }
  :is(.jp-CodeCell, .jp-OutputArea-child):has(.kosmo-table :is(th:nth-child(10), tr:nth-child(20))) {
    break-inside: auto;
  }
  .kosmo-table.kosmo-table table { font-size: 11px; }
  .kosmo-table.kosmo-table td:is([title], :has(a)) { min-width: 10em; }
  .kosmo-table.kosmo-table table:has(th:nth-child(5)) { font-size: 10px; }
  .kosmo-table.kosmo-table table:has(th:nth-child(5)) td { overflow-wrap: anywhere; }
  .kosmo-table.kosmo-table td.time { white-space: nowrap; }
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
""")
STYLE = Html("<style>\n{}{}\n{}{}{}</style>").format(COLOURS, CSS, PAGE, _STYLE, BAND)
