"""What all HTML pages share: the colours, and the band over a page with fictional data."""

from __future__ import annotations

from kosmo_kernel.safety.escape import Html

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
  html:has(.fiction) body { margin-top: 56px; }
}
""")
FICTION = Html(
    '<p class="fiction" role="note"><strong>FICTIONAL DATA</strong> of the demo company, not of your account</p>'
)
