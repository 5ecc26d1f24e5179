"""The style of the page of an executed notebook, on a screen (light and dark) and on paper.

Its elements are those of nbconvert's template `lab`. Outputs take their colours from variables of JupyterLab, which get
the colours of the page here.
"""

from __future__ import annotations

from kosmo_kernel.pages.design import BAND, COLOURS, PAGE
from kosmo_kernel.render.style import CSS
from kosmo_kernel.safety.escape import Html

_STYLE = Html("""\
:root {
  --jp-border-color2: var(--line); --jp-layout-color0: var(--ground); --jp-content-font-color1: var(--ink);
  --jp-content-font-color2: var(--soft); --jp-brand-color1: var(--accent);
  --jp-code-font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace;
  --jp-mirror-editor-keyword-color: var(--accent); --jp-mirror-editor-string-color: var(--good);
  --jp-mirror-editor-number-color: var(--good); --jp-mirror-editor-comment-color: var(--soft);
}
.anchor-link, .jp-Collapser, .jp-InputCollapser { display: none; }
img, svg { max-width: 100%; height: auto; }
.jp-RenderedImage img { background: #fff; border-radius: 6px; }
p code, li code { padding: 1px 4px; background: var(--raised); border-radius: 4px; overflow-wrap: anywhere; }
.jp-RenderedText pre { padding: 0; background: none; font-size: 14px; color: var(--soft); }
[data-mime-type="application/vnd.jupyter.stderr"] pre { color: var(--warn); }
.ansi-red-fg, .ansi-red-intense-fg { color: var(--bad); }
.ansi-green-fg, .ansi-green-intense-fg { color: var(--good); }
.ansi-bold { font-weight: 700; }
.jp-OutputArea-child { margin-bottom: 16px; }
.jp-OutputArea-child:has(.kosmo-check) { margin-bottom: 8px; }
.celltag_key-figures .jp-RenderedText pre { font: inherit; font-size: 13px; }
.celltag_kosmo-run, .celltag_about { font-size: 14px; color: var(--soft); }
.celltag_kosmo-run h2 { color: var(--ink); }
@media print {
  .jp-MarkdownCell:has(+ .jp-CodeCell) { break-after: avoid; }
  .jp-Cell:has(.table th:nth-child(10)), .jp-Cell:has(+ .jp-CodeCell .table th:nth-child(10)),
  .jp-MarkdownCell:has(+ .jp-CodeCell + .jp-CodeCell .table th:nth-child(10)) { page: turned; }
  .jp-RenderedText.jp-RenderedText pre, .celltag_kosmo-run, .celltag_about { font-size: 10px; }
  .jp-Cell-outputWrapper, .jp-OutputArea, .jp-OutputArea-child, .jp-OutputArea-output { display: block; }
  .jp-CodeCell:not(:has(tr:nth-child(20))) { break-inside: avoid; }
}
""")
STYLE = Html("<style>\n{}{}\n{}{}{}</style>").format(COLOURS, CSS, PAGE, _STYLE, BAND)
