"""The style of the page of an inventory, on a screen (light and dark) and on paper."""

from __future__ import annotations

from kosmo_kernel.pages.design import BAND, COLOURS
from kosmo_kernel.safety.escape import Html

_STYLE = Html("""\
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 76rem; padding: 2.5rem 1.5rem 4rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1, h2, h3, p, ul { margin: 0; padding: 0; }
ul { list-style: none; }
a { color: var(--accent); }
header { padding-bottom: 1.5rem; border-bottom: 1px solid var(--line); }
h1 { font-size: 2.4rem; line-height: 1.15; letter-spacing: -0.02em; margin-bottom: 0.35rem; }
.when strong { color: var(--ink); overflow-wrap: anywhere; }
.when, .about, .detail, footer { color: var(--soft); }
section { margin-top: 2.75rem; }
h2 { font-size: 1.25rem; margin-bottom: 1rem; letter-spacing: -0.01em; }
h3 { font-size: 1rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 0.75rem; }
.figures li {
  display: flex; flex-direction: column; padding: 1rem 1.1rem; background: var(--raised); border-radius: 10px;
}
.figures .name { color: var(--soft); font-size: 0.9rem; }
.figures strong { font-size: 2rem; line-height: 1.2; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.figures small { font-size: 0.95rem; font-weight: 400; letter-spacing: 0; }
.figures .detail { font-size: 0.85rem; line-height: 1.35; margin-top: 0.25rem; }
.complete { padding: 0.75rem 1.1rem; background: var(--good-ground); color: var(--good); border-radius: 10px; }
#unread:has(.unread) {
  padding: 1.1rem 1.25rem; background: var(--warn-ground); border: 1px solid var(--warn-line); border-radius: 10px;
}
#unread:has(.unread) h2 { color: var(--warn); margin-bottom: 0.4rem; }
.unread li { margin-top: 0.6rem; }
.obstacles li {
  display: grid; grid-template-columns: 3.5rem minmax(14rem, 20rem) 1fr; grid-template-rows: auto 1fr;
  column-gap: 1.25rem; padding: 0.9rem 0; border-top: 1px solid var(--line);
}
.obstacles li:last-child { border-bottom: 1px solid var(--line); }
.obstacles h3 { display: contents; }
.obstacles .count {
  grid-row: 1 / 3; font-size: 1.75rem; line-height: 1; color: var(--accent); text-align: right;
  font-variant-numeric: tabular-nums; letter-spacing: -0.02em;
}
.obstacles .title { grid-column: 2; }
.obstacles p { grid-column: 2; color: var(--soft); font-size: 0.9rem; margin-top: 0.15rem; }
.obstacles .names { grid-column: 3; grid-row: 1 / 3; align-content: start; margin: 0; }
.obstacles .clear .count { color: var(--soft); }
#costs { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); column-gap: 2.5rem; align-items: start; }
#costs > :not(.table) { grid-column: 1 / -1; }
#costs > .table { margin-top: 0.75rem; }
.names { display: flex; flex-wrap: wrap; gap: 0.3rem; margin-top: 0.6rem; }
.names span {
  padding: 0.05rem 0.5rem; background: var(--raised); border-radius: 99px; color: var(--ink); font-size: 0.82rem;
  overflow-wrap: anywhere;
}
.names em { font-size: 0.85rem; font-style: normal; color: var(--soft); }
details { border-top: 1px solid var(--line); padding: 0.2rem 0; }
details:last-of-type { border-bottom: 1px solid var(--line); }
summary { display: flex; align-items: baseline; gap: 0.6rem; padding: 0.55rem 0; cursor: pointer; }
summary::before { content: "\\25B8"; color: var(--soft); width: 0.9rem; }
details[open] > summary::before { content: "\\25BE"; }
summary .count { color: var(--soft); font-variant-numeric: tabular-nums; }
.in-print { display: none; }
.about { margin-bottom: 0.6rem; font-size: 0.9rem; }
.files { white-space: normal; }
.cut { margin: 0.6rem 0 1rem; font-size: 0.9rem; color: var(--soft); }
.table { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 0.85rem; margin-bottom: 0.8rem; }
th, td { padding: 0.32rem 0.6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td { overflow-wrap: break-word; max-width: 24rem; }
th[align=right], td[align=right] { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td:empty::after { content: "\\2013"; color: var(--line); }
tbody tr:hover { background: var(--raised); }
pre, code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.85rem; }
pre { margin: 0.75rem 0 0; padding: 0.75rem 1rem; background: var(--raised); border-radius: 10px; overflow-x: auto; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 0.85rem; }
@media (max-width: 46rem) {
  body { padding: 1.5rem 1rem 3rem; }
  .figures { grid-template-columns: repeat(2, 1fr); }
  .obstacles li { grid-template-columns: 3rem 1fr; grid-template-rows: none; }
  #costs { grid-template-columns: minmax(0, 1fr); }
  .obstacles .names { grid-column: 2; grid-row: auto; margin-top: 0.5rem; }
}
@page { size: A4; margin: 14mm; }
@media print {
  html { font-size: 11.5px; }
  body { padding: 0; max-width: none; font-size: 1rem; }
  section { margin-top: 2rem; }
  h2, summary, .about, thead { break-after: avoid; }
  .figures { grid-template-columns: repeat(3, 1fr); }
  .figures li, .obstacles li, .unread li, tr, pre { break-inside: avoid; }
  .figures li, .names span, .complete, #unread, pre {
    print-color-adjust: exact; -webkit-print-color-adjust: exact;
  }
  .obstacles li { grid-template-columns: 3.5rem 18rem 1fr; }
  .table { overflow: visible; }
  table { font-size: 9.5px; }
  th { white-space: normal; vertical-align: bottom; }
  th, td { padding: 2px 5px; }
  thead { display: table-header-group; }
  a { color: inherit; text-decoration: none; }
  .in-print { display: inline; color: var(--soft); }
  @supports selector(::details-content) {
    details::details-content { content-visibility: visible; block-size: auto; }
    summary::before { content: none; }
    .in-print { display: none; }
  }
}
""")
STYLE = Html("<style>\n{}{}{}</style>").format(COLOURS, _STYLE, BAND)
