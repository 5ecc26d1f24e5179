"""The style of the page of an inventory, on a screen (light and dark) and on paper."""

from __future__ import annotations

from kosmo_kernel.pages.design import BAND, COLOURS, PAGE
from kosmo_kernel.safety.escape import Html

_STYLE = Html("""\
ul { list-style: none; padding: 0; max-width: none; }
.about { color: var(--soft); }
#unread {
  padding: 16px; background: var(--warn-ground); border: 1px solid var(--warn-line); border-radius: 10px;
}
#unread h2 { color: var(--warn); margin: 0 0 8px; }
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
.obstacles p { grid-column: 2; color: var(--soft); font-size: 14px; margin: 2px 0 0; }
.obstacles .names { grid-column: 3; grid-row: 1 / 3; align-content: start; margin: 0; }
#costs { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); column-gap: 2.5rem; align-items: start; }
#costs > :not(.table) { grid-column: 1 / -1; }
#costs > .table { margin-top: 0.75rem; }
.names { display: flex; flex-wrap: wrap; gap: 4px; margin: 8px 0 0; max-width: none; }
.names span {
  padding: 0.05rem 0.5rem; background: var(--raised); border-radius: 99px; color: var(--ink); font-size: 13px;
  overflow-wrap: anywhere;
}
.names em { font-size: 13px; font-style: normal; color: var(--soft); }
.tables > details { border-top: 1px solid var(--line); padding: 4px 0 8px; }
.tables > details > summary { display: flex; align-items: baseline; gap: 8px; padding: 8px 0; cursor: pointer; }
.tables > details > summary::before { content: "\\25B8"; color: var(--soft); width: 14px; }
.tables > details[open] > summary::before { content: "\\25BE"; }
summary .count { color: var(--soft); font-variant-numeric: tabular-nums; }
summary h3 { margin: 0; }
.tables > details > .about { margin: 0 0 8px; font-size: 14px; max-width: none; }
.files { white-space: normal; }
footer { font-size: 14px; color: var(--soft); }
footer h2 { color: var(--ink); }
@media (max-width: 46rem) {
  .obstacles li { grid-template-columns: 3rem 1fr; grid-template-rows: none; }
  #costs { grid-template-columns: minmax(0, 1fr); }
  .obstacles .names { grid-column: 2; grid-row: auto; margin-top: 0.5rem; }
}
@media print {
  .about { break-after: avoid; }
  .tables > details:has(th:nth-child(10)) { page: turned; }
  #tables:has(.tables > :first-child th:nth-child(10)) > h2 { page: turned; }
  .obstacles li, .unread li { break-inside: avoid; }
  .names span, #unread { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .obstacles p, .names span, .names em, .tables > details > .about, footer { font-size: 10px; }
  .obstacles li { grid-template-columns: 3.5rem 18rem 1fr; }
  .obstacles .count { font-size: 20px; }
  .tables > details > summary::before { content: none !important; }
  #costs { break-inside: avoid; }
}
""")
STYLE = Html("<style>\n{}{}{}{}</style>").format(COLOURS, PAGE, _STYLE, BAND)
