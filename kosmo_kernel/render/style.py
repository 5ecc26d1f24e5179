"""The style of tables, outlines and notes, and which outputs of a notebook carry it.

Its rules touch nothing outside of our outputs and take their colours from the page (JupyterLab, VS Code, a standalone
page). JupyterLab has the style from `jupyter/labextension/static/outputs.css`, even if the output that carries it is
deleted. For everything else, such as exported pages, the first table or outline of a notebook carries it. The others
do without, because viewers that allow no styles would show the text of each one.
"""

from __future__ import annotations

from kosmo_kernel.render.notebook_cell import carries_style
from kosmo_kernel.safety.escape import Html

NOTHING = "\N{EN DASH}"  # in place of a missing value
_LINE = "1px solid var(--jp-border-color2,var(--vscode-panel-border,rgba(128,128,128,.25)))"
_PAPER = "var(--jp-layout-color0,var(--vscode-editor-background,Canvas))"
# On pages that name no such colour, it is one between those of their text and their background, light or dark.
_PALE = (
    "var(--jp-content-font-color2,var(--vscode-descriptionForeground,color-mix(in srgb,currentColor 70%,transparent)))"
)
_SHADE = "rgba(128,128,128,.12)"
_BAR = "rgba(128,96,220,.22)"  # of a share, behind its number
_EDGE_COLOUR = "rgba(128,128,128,.5)"
# Every rule starts at our own element. Its class is repeated to outweigh JupyterLab's rules for tables.
_RULES = (
    "div{scrollbar-width:thin;scrollbar-color:rgba(128,128,128,.5) transparent}",
    "table{border-collapse:separate;border-spacing:0;table-layout:auto;margin:0;border:0;font-size:13px}",
    ":is(th,td){text-align:left;vertical-align:baseline;white-space:nowrap;padding:4px 12px;line-height:1.4}",
    f":is(th,td){{border:0;border-bottom:{_LINE};max-width:26em;overflow:hidden;text-overflow:ellipsis}}",
    f"thead th{{position:sticky;top:0;z-index:1;background:{_PAPER};font-weight:600}}",
    "tbody tr{background:none}",
    f"tbody tr:hover{{background:{_SHADE}}}",
    # The first column stays in view when the table scrolls sideways.
    f"div tr>:first-child{{position:sticky;left:0;background:{_PAPER}}}",
    f"div tbody tr:hover>:first-child{{background:linear-gradient({_SHADE},{_SHADE}),{_PAPER}}}",
    "div tr>:first-child{animation:kosmo-edge linear both;animation-timeline:scroll(nearest inline)}",
    "thead th:first-child{z-index:2}",
    "tbody tr:last-child>*{border-bottom:0}",
    f"tbody th{{font-weight:400;color:{_PALE}}}",
    f"td[style]{{background:linear-gradient({_BAR},{_BAR}) no-repeat right/var(--share) 100%}}",
    "tfoot td{font-weight:600;border-bottom:0}",
    "tfoot td:empty::before{content:none}",
    "[align]{text-align:right;font-variant-numeric:tabular-nums}",
    ".whole{white-space:pre-wrap;overflow-wrap:anywhere;max-width:60em}",
    f"td:empty::before{{content:'{NOTHING}';opacity:.4}}",
    ":is(p,summary){margin:6px 12px 0;font-size:12px;opacity:.65}",
    "summary{cursor:pointer}",
)
_OUTLINE = (
    "{font-family:var(--jp-code-font-family,var(--vscode-editor-font-family,monospace));font-size:13px}",
    "ul{list-style:none;margin:0;padding:0 0 0 1.2em}",
    "li{margin:0;padding:0 0 0 1.2em;line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere}",
    "li:has(>details){padding:0}",
    "summary{cursor:pointer;line-height:1.5;display:list-item}",
    f":is(i,summary span){{font-style:normal;color:{_PALE}}}",
    "b{font-weight:600}",
)
_NOTES = (
    "p{margin:0;padding:4px 12px;font-size:13px;line-height:1.5;overflow-wrap:anywhere}",
    "p+p{margin-top:4px}",
    f"p:not(.kosmo-warning){{color:{_PALE}}}",
    "p.kosmo-warning{border-left:3px solid rgb(224,150,0);background:rgba(240,165,0,.16)}",
    "b{font-weight:600}",
    "code{padding:0;background:none;font-size:inherit}",
)
_OURS = ("table", "outline", "notes")
_GAP = "{margin:0 0 8px}"  # between an output and the next
_FEW_COLUMNS = "table:not(:has(th:nth-child(10)))"  # a table of fewer than 10 columns, which all fit on paper
_ON_PAPER = (  # without scrolling
    "div{max-height:none!important;overflow:visible!important}",
    "table{font-size:11px}",
    "tr>*{position:static!important;animation:none!important;background:none!important;padding:3px 8px}",
    f"{_FEW_COLUMNS} tr>*{{white-space:normal;max-width:none}}",
    f"{_FEW_COLUMNS} td a{{display:inline-block;min-width:12em;overflow-wrap:anywhere}}",
)

_SELECTOR = "div.kosmo-table.kosmo-table "
_SCREEN_STYLE = "".join(f"{_SELECTOR}{rule}" for rule in _RULES)
_OUTLINE_STYLE = "".join(f"div.kosmo-outline.kosmo-outline {rule}" for rule in _OUTLINE)
_NOTES_STYLE = "".join(f"div.kosmo-notes.kosmo-notes {rule}" for rule in _NOTES)
_GAPS = "".join(f"div.kosmo-{name}.kosmo-{name}{_GAP}" for name in _OURS)
# An edge at the first column as soon as others are scrolled below it; browsers that cannot tell always show it.
_EDGE = f"@keyframes kosmo-edge{{1%,100%{{box-shadow:1px 0 {_EDGE_COLOUR},6px 0 6px -6px {_EDGE_COLOUR}}}}}"
_PAPER_STYLE = "".join(f"{_SELECTOR}{rule}" for rule in _ON_PAPER)
CSS = Html(f"{_EDGE}{_GAPS}{_SCREEN_STYLE}{_OUTLINE_STYLE}{_NOTES_STYLE}@media print{{{_PAPER_STYLE}}}")
_ELEMENT = Html("<style>{}</style>").format(CSS)
_NONE = Html("")


def style() -> Html:
    """Return the style element of an output, which is empty if an earlier cell of the notebook has carried the style.

    A cell that is run again carries it again. Outside of notebooks every one has it.
    """
    return _ELEMENT if carries_style() else _NONE
