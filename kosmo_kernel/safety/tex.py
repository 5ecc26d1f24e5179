r"""Sanitize TeX so that it only draws formulas.

MathJax and KaTeX have commands that link, style, name and load, and commands that define others. New versions and
extensions add more, so commands and environments are allowed by a list. Any other command gets an invisible character
after its backslash and is shown as text. Lengths in a formula are kept only if they are small, because a formula must
not cover what is around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kosmo_kernel.safety.markup import Markup
from kosmo_kernel.safety.text import UnsafeContentError, check_length, sanitize_text

MAX_LENGTH = 1 << 16  # characters of LaTeX, for which a browser takes seconds
MAX_DEPTH = 60  # nested braces, environments and delimiters
_MAX_STYLES = 100  # style commands in one text; each wraps all that follows in an element
_MAX_SIZES = 6  # size commands in one text; nested sizes multiply

JOINER = "\N{WORD JOINER}"  # invisible and no letter, so that a backslash before it starts no command

_GREEK = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi
    psi omega varepsilon vartheta varkappa varpi varrho varsigma varphi digamma Gamma Delta Theta Lambda Xi Pi Sigma
    Upsilon Phi Psi Omega varGamma varDelta varTheta varLambda varXi varPi varSigma varUpsilon varPhi varPsi varOmega
    upalpha upbeta upgamma updelta upepsilon upzeta upeta uptheta upiota upkappa uplambda upmu upnu upxi uppi uprho
    upsigma uptau upupsilon upphi upchi uppsi upomega
"""
_LETTERS = """
    aleph beth gimel daleth ell hbar hslash imath jmath wp Re Im partial nabla infty emptyset varnothing prime
    backprime forall exists nexists complement Finv Game Bbbk eth mho surd top bot angle measuredangle sphericalangle
    triangle triangledown blacktriangle blacktriangledown square blacksquare Box Diamond lozenge blacklozenge bigstar
    flat natural sharp clubsuit diamondsuit heartsuit spadesuit diagup diagdown circledR circledS yen checkmark
    maltese pounds dagger ddagger degree copyright LaTeX TeX
"""
_OPERATORS = """
    pm mp times div cdot cdotp ast star circ bullet bigcirc oplus ominus otimes oslash odot cap cup uplus sqcap sqcup
    vee wedge lor land lnot neg setminus smallsetminus wr amalg diamond bigtriangleup bigtriangledown triangleleft
    triangleright dotplus Cap Cup doublecap doublecup barwedge veebar doublebarwedge boxplus boxminus boxtimes boxdot
    ltimes rtimes leftthreetimes rightthreetimes curlywedge curlyvee circleddash circledast circledcirc centerdot
    intercal divideontimes lhd rhd unlhd unrhd And
    sum prod coprod int iint iiint iiiint idotsint oint smallint intop ointop bigcap bigcup bigsqcup bigvee bigwedge
    bigodot bigotimes bigoplus biguplus
    arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf injlim ker lg lim liminf limsup ln log
    max min Pr projlim sec sin sinh sup tan tanh varinjlim varprojlim varliminf varlimsup bmod pmod mod pod
    operatorname mathop mathbin mathrel mathopen mathclose mathpunct mathord mathinner limits nolimits
"""
_RELATIONS = """
    lt le leq leqq leqslant gt ge geq geqq geqslant ne neq equiv sim simeq approx approxeq cong doteq doteqdot Doteq
    propto varpropto prec succ preceq succeq ll gg lll ggg llless gggtr subset supset subseteq supseteq subseteqq
    supseteqq Subset Supset subsetneq supsetneq subsetneqq supsetneqq varsubsetneq varsupsetneq varsubsetneqq
    varsupsetneqq sqsubset sqsupset sqsubseteq sqsupseteq in ni owns notin notni vdash dashv models perp mid nmid
    shortmid nshortmid parallel nparallel shortparallel nshortparallel smile frown smallsmile smallfrown asymp bowtie
    Join vDash Vdash Vvdash nvdash nvDash nVdash nVDash lessdot gtrdot lessgtr gtrless lesseqgtr gtreqless lesseqqgtr
    gtreqqless lesssim gtrsim lessapprox gtrapprox eqslantless eqslantgtr precsim succsim precapprox succapprox
    preccurlyeq succcurlyeq curlyeqprec curlyeqsucc risingdotseq fallingdotseq eqcirc circeq triangleq bumpeq Bumpeq
    thicksim thickapprox backsim backsimeq eqsim vartriangle vartriangleleft vartriangleright trianglelefteq
    trianglerighteq ntriangleleft ntriangleright ntrianglelefteq ntrianglerighteq blacktriangleleft
    blacktriangleright between pitchfork therefore because backepsilon nless ngtr nleq ngeq nleqq ngeqq nleqslant
    ngeqslant lneq gneq lneqq gneqq lvertneqq gvertneqq lnsim gnsim lnapprox gnapprox nprec nsucc npreceq nsucceq
    precneqq succneqq precnsim succnsim precnapprox succnapprox nsim ncong nsubseteq nsupseteq nsubseteqq nsupseteqq
    coloneqq eqqcolon vcentcolon dblcolon colon not
"""
_ARROWS = """
    leftarrow rightarrow gets to uparrow downarrow leftrightarrow updownarrow Leftarrow Rightarrow Uparrow Downarrow
    Leftrightarrow Updownarrow longleftarrow longrightarrow longleftrightarrow Longleftarrow Longrightarrow
    Longleftrightarrow implies impliedby iff mapsto longmapsto hookleftarrow hookrightarrow leftharpoonup
    leftharpoondown rightharpoonup rightharpoondown rightleftharpoons leftrightharpoons nearrow searrow swarrow
    nwarrow leadsto nleftarrow nrightarrow nLeftarrow nRightarrow nleftrightarrow nLeftrightarrow dashleftarrow
    dashrightarrow leftleftarrows rightrightarrows leftrightarrows rightleftarrows upuparrows downdownarrows
    Lleftarrow Rrightarrow twoheadleftarrow twoheadrightarrow leftarrowtail rightarrowtail looparrowleft
    looparrowright curvearrowleft curvearrowright circlearrowleft circlearrowright Lsh Rsh upharpoonleft
    upharpoonright downharpoonleft downharpoonright restriction multimap leftrightsquigarrow rightsquigarrow
    xleftarrow xrightarrow xleftrightarrow xLeftarrow xRightarrow xLeftrightarrow xmapsto xhookleftarrow
    xhookrightarrow
"""
_DELIMITERS = """
    left right middle big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm biggm Biggm
    langle rangle lbrace rbrace lbrack rbrack lfloor rfloor lceil rceil lvert rvert lVert rVert vert Vert lgroup
    rgroup lmoustache rmoustache ulcorner urcorner llcorner lrcorner backslash arrowvert Arrowvert bracevert
"""
_BUILT = """
    frac dfrac tfrac cfrac binom dbinom tbinom over atop choose brace brack sqrt root of stackrel overset underset
    overunderset sideset substack overline underline overbrace underbrace overrightarrow overleftarrow
    overleftrightarrow underrightarrow underleftarrow underleftrightarrow widehat widetilde hat check tilde acute
    grave dot ddot dddot ddddot breve bar vec mathring boxed fbox phantom hphantom vphantom smash mathstrut strut
    matrix pmatrix cases hline hdashline cr tag notag nonumber begin end cancel bcancel xcancel
    dots cdots ldots vdots ddots dotsb dotsc dotsi dotsm dotso iddots mathellipsis
"""
_FONTS = """
    mathrm mathbf mathit mathsf mathtt mathcal mathscr mathfrak mathbb mathnormal mathbfit boldsymbol bm bold
    rm bf it sf tt cal scr frak Bbb mit bfseries itshape
    text textrm textbf textit textsf texttt textnormal textup mbox hbox displaystyle textstyle scriptstyle
    scriptscriptstyle tiny Tiny scriptsize small normalsize large Large
    textdollar textbackslash textasciitilde textasciicircum textunderscore textbar textless textgreater textdegree
"""
_SPACES = """
    quad qquad enspace thinspace medspace thickspace negthinspace negmedspace negthickspace space nobreakspace
    hspace hskip kern mkern mskip mspace allowbreak nobreak
"""
COMMANDS = frozenset(
    f"{_GREEK}{_LETTERS}{_OPERATORS}{_RELATIONS}{_ARROWS}{_DELIMITERS}{_BUILT}{_FONTS}{_SPACES}".split()
)
_ENVIRONMENTS = """
    equation equation* align align* aligned gather gather* gathered multline multline* split eqnarray eqnarray*
    matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix cases dcases rcases drcases math displaymath
"""
ENVIRONMENTS = frozenset(_ENVIRONMENTS.split())
_COLUMN_ENVIRONMENTS = {  # environments with an argument for the columns
    "array": r"(?:\s*\[[tbc]\])?\s*\{[lcr|: ]{1,80}\}",
    "subarray": r"\s*\{[lcr]\}",
    **dict.fromkeys(("alignat", "alignat*", "alignedat"), r"\s*\{\d{1,2}\}"),
}
_STYLES = {
    *("displaystyle", "textstyle", "scriptstyle", "scriptscriptstyle"),
    *("tiny", "Tiny", "scriptsize", "small", "normalsize"),
}
_SIZES = {"large", "Large"}

_LENGTH = r"(?:\d{1,2}(?:\.\d{0,3})?|\.\d{1,3})\s*(?:em|ex|mu|pt|px|mm)(?![A-Za-z])"
_SPACE = rf"\s*{_LENGTH}"


def _alternatives(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(names)))


_BEGIN = "|".join(rf"{re.escape(name)}\}}{argument}" for name, argument in _COLUMN_ENVIRONMENTS.items())
# Patterns that must follow certain commands, or they are broken up.
_FOLLOWED_BY = {
    name: re.compile(pattern)
    for name, pattern in {
        "begin": rf"\{{(?:(?:{_alternatives(ENVIRONMENTS)})\}}|{_BEGIN})",
        "end": rf"\{{(?:{_alternatives(ENVIRONMENTS | set(_COLUMN_ENVIRONMENTS))})\}}",
        "hspace": rf"\*?\s*\{{{_SPACE}\s*\}}",
        "tag": r"\*?\s*\{[^{}\\$]{0,60}\}",
        **dict.fromkeys(("hskip", "kern", "mkern", "mskip"), _SPACE),
        "mspace": rf"\s*\{{{_SPACE}\s*\}}",
        **dict.fromkeys(
            ("cancel", "bcancel", "xcancel", "cr"), r"(?!\s*\[)"
        ),  # attributes or a distance are not allowed
    }.items()
}
_COMMAND = re.compile(r"(?<=\\)[A-Za-z@]++")  # for KaTeX `@` is a letter
_ROW_END = re.compile(r"(\\\\\*?\s*+\[)(?=\s*+[-+]?\s*+[\d.,])")  # a row end with a distance to the next row
_SMALL_DISTANCE = re.compile(rf"\s*(?:{_LENGTH}|-\s*0?\.\d{{1,3}}\s*em|-\s*\d\s*(?:pt|px|mu))\s*\]")
_NESTING = re.compile(r"\\(?:begin|end)\{[^{}]*\}|\\(?:left|right)(?![A-Za-z])|[{}]")
_CLOSING = ("}", r"\end", r"\right")
# What MathJax searches a page for: pairs of delimiters, environments and references.
_DELIMITER = re.compile(r"\$[^$]*\$|\\(?:[(\[]|begin|(?:eq)?ref)")


class Latex(Markup):
    """LaTeX of formulas."""

    __slots__ = ()


def sanitize_latex(given: str) -> Latex:
    r"""Return LaTeX that only draws formulas, with `<` as `\lt` so that it contains no HTML.

    Raises:
        UnsafeContentError: it is too long, or nested too deep.
    """
    check_length(given, "LaTeX", MAX_LENGTH)
    check_nesting(given)
    return Latex(inert_tex(sanitize_text(given)).replace("<", r"\lt ").replace(">", r"\gt "))


def may_have_formulas(given: str) -> bool:
    """Return whether a front end could find a formula in the text."""
    return _DELIMITER.search(given) is not None if "$" in given or "\\" in given else False


def check_nesting(given: str) -> None:
    """Check that formulas are not nested so deep that drawing them could overflow a browser's stack.

    Raises:
        UnsafeContentError: they have more than `MAX_DEPTH` nested groups.
    """
    depth = 0
    for match in _NESTING.finditer(given):
        depth = max(0, depth - 1) if match[0].startswith(_CLOSING) else depth + 1
        if depth > MAX_DEPTH:
            raise UnsafeContentError(f"formulas with more than {MAX_DEPTH} groups in each other are not shown")


def inert_tex(given: str) -> str:
    """Break up the commands that are not allowed, with an invisible character."""
    if "\\" not in given:
        return given
    styles = sizes = 0

    def command(match: re.Match[str]) -> str:
        nonlocal styles, sizes
        name = match[0]
        if len(name) > 1 and name not in COMMANDS:  # commands of one letter are accents and letters
            return JOINER + match[0]
        follows = _FOLLOWED_BY.get(name)
        styles += name in _STYLES
        sizes += name in _SIZES
        if (
            (follows and not follows.match(match.string, match.end()))
            or (name in _STYLES and styles > _MAX_STYLES)
            or (name in _SIZES and sizes > _MAX_SIZES)
        ):
            return JOINER + match[0]
        return match[0]

    def row_end(match: re.Match[str]) -> str:
        small = _SMALL_DISTANCE.match(match.string, match.end())
        return match[0] if small else match[0] + JOINER

    return _ROW_END.sub(row_end, _COMMAND.sub(command, given))
