"""What the signs and LaTeX commands of an answer are: the tables of the tokenizer."""

import re

SCAN = re.compile(
    r"""
      (?P<space> [\ \t~]+ | \\[,;:!>\ ]
        | \\(?:q?quad|(?:thin|med|thick|neg)space|enspace)(?![a-zA-Z]) )
    | (?P<line> \n+ )
    | (?P<delimiter> \\[()\[\]] )                                      # \( \) \[ \]
    | (?P<repeating> [0-9]*\.[0-9]*(?:                       # 0.1\overline{6}  0.\dot{3}  0.(3)
          \\(?:overline|bar)\ ?(?:\{[0-9]{1,40}\}|[0-9])
        | \\dot\ ?\{?[0-9]\}?(?:[0-9]{0,20}\\dot\ ?\{?[0-9]\}?)?
        | \([0-9]{1,20}\) ) )
    | (?P<scientific> [0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}(?![a-zA-Z0-9_^])(?!\.[0-9]) )  # 1.2e-3
    | (?P<based> (?:[0-9]{1,20}[A-F]|[A-F]{1,20}[0-9])[0-9A-F]{0,20}
        (?=_\{?\(?(?:1[1-9]|[23][0-9])) )                                 # 2B_{12}
    | (?P<grouped> [1-9][0-9]{0,2}(?:(?:,[0-9]{3}){1,9}(?!,?[0-9])|(?:'[0-9]{3}){1,9}(?![0-9])
          |(?:_[0-9]{3}){1,9}(?![0-9]))(?:\.[0-9]+)? )                    # 1,234  1'234  1_234
    | (?P<number> [0-9]+(?:\.[0-9]+)? | \.[0-9]+ )
    | (?P<noon> [aApP]\.\ ?[mM]\.?(?![a-zA-Z]) )                          # p.m.
    | (?P<abbreviation> (?:sq|cu)\.(?=\ ?[a-z]) )                          # sq. ft
    | (?P<run> [a-zA-Z]+(?:'(?:t|s|re|ve|ll|m)(?![a-zA-Z]))? )
    | (?P<command> \\[a-zA-Z]+\*? )
    | (?P<row> \\\\(?:\[[^\]]{0,12}\])? )
    | (?P<sign> \\[{}|$%&\#_] | \*\*|\^\^|<=>|=>|->|<=|>=|!=|==|~=|:= | . )
    """,
    re.X | re.S,
)
COMMA = re.compile(r"\{ ?, ?\}|,\\! ?")  # 1{,}234 and 1,\!234
FACTORIALS = ("num", "close")  # what the sign of a factorial may follow
BRACE = re.compile(r"\\.|[{}]", re.S)  # an escaped sign is passed over
TEXTS = frozenset(
    [
        "text",
        "textnormal",
        "textrm",
        "textbf",
        "textit",
        "textsf",
        "texttt",
        "textup",
        "textsc",
        "mbox",
        "hbox",
        "operatorname",
        "mathrm",
        "mathop",
        "textmd",
    ]
)
FONTS = frozenset(
    [
        "mathbf",
        "mathit",
        "mathsf",
        "mathtt",
        "mathnormal",
        "boldsymbol",
        "bm",
        "bold",
        "emph",
        "pmb",
        "mathcal",
        "mathscr",
        "mathfrak",
        "displaylimits",
        "underline",
        "ensuremath",
        "smash",
    ]
)
DROPPED = frozenset(
    [
        "left",
        "right",
        "big",
        "Big",
        "bigg",
        "Bigg",
        "bigl",
        "bigr",
        "Bigl",
        "Bigr",
        "biggl",
        "biggr",
        "Biggl",
        "Biggr",
        "bigm",
        "displaystyle",
        "textstyle",
        "scriptstyle",
        "limits",
        "nolimits",
        "strut",
        "mathstrut",
        "rm",
        "bf",
        "it",
        "sf",
        "tt",
        "large",
        "Large",
        "small",
        "normalsize",
        "centering",
        "hfill",
        "hline",
        "allowbreak",
        "nonumber",
        "notag",
        "middle",
        "mathopen",
        "mathclose",
        "cdotp",
        "hskip",
        "noindent",
        "par",
        "newline",
        "itshape",
        "bfseries",
        "upshape",
    ]
)
ARGUMENT_DROPPED = frozenset(
    ["phantom", "hspace", "vspace", "hphantom", "vphantom", "color", "label", "tag"]
)
ENVIRONMENTS = frozenset(
    [
        "align",
        "equation",
        "gather",
        "math",
        "displaymath",
        "eqnarray",
        "split",
        "aligned",
        "gathered",
        "center",
        "answer",
        "solution",
        "multline",
        "alignat",
    ]
)
RELATIONS = {
    "=": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "~=": "~=", "==": "=",
    ":=": "=", "le": "<=", "leq": "<=", "leqslant": "<=", "leqq": "<=", "ge": ">=", "geq": ">=",
    "geqslant": ">=", "geqq": ">=", "ne": "!=", "neq": "!=", "lt": "<", "gt": ">",
    "approx": "~=", "simeq": "~=", "doteq": "~=", "thickapprox": "~=", "equiv": "equiv",
    "cong": "cong", "sim": "sim", "parallel": "parallel", "perp": "perp", "in": "in",
    "subset": "subset", "subseteq": "subset", "notin": "notin", "propto": "propto",
}  # fmt: skip
OPENING = {
    "lbrace": r"\{", "lbrack": "[", "langle": "<", "lfloor": "floor", "lceil": "ceil",
    "lvert": "|", "lVert": "||",
}  # fmt: skip
CLOSING = {
    "rbrace": r"\}", "rbrack": "]", "rangle": "<", "rfloor": "floor", "rceil": "ceil",
    "rvert": "|", "rVert": "||",
}  # fmt: skip
OPERATORS = {
    "cdot": "*", "times": "*", "ast": "*", "star": "*", "bullet": "*", "div": "/", "pm": "±",
    "mp": "∓", "cup": "cup", "bigcup": "cup", "cap": "cap", "bigcap": "cap",
    "setminus": "minus", "backslash": "minus", "smallsetminus": "minus", "mid": "|", "vert": "|",
    "colon": ":", "Vert": "||", "prime": "'",
}  # fmt: skip
COMMANDS = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "sfrac": "frac", "dbinom": "binom",
    "tbinom": "binom", "varnothing": "emptyset", "O": "emptyset", "R": "Reals", "Reals": "Reals",
    "reals": "Reals", "dots": "ldots", "cdots": "ldots", "dotsc": "ldots", "dotsb": "ldots",
    "overrightarrow": "vec", "degree": "circ", "deg": "circ", "Longrightarrow": "Rightarrow",
    "implies": "Rightarrow", "to": "rightarrow", "longrightarrow": "rightarrow", "iff": "iff",
    "lnot": "neg",
}  # fmt: skip
SIGNS = {
    "(": "open", ")": "close", "[": "open", "]": "close", "{": "open", "}": "close",
    r"\{": "open", r"\}": "close", "+": "op", "-": "op", "*": "op", "/": "op", "^": "op",
    "_": "op", "!": "op", "'": "op", "%": "op", "|": "op", ":": "op", "&": "op", "**": "op",
    ",": "sep", ";": "sep", ".": "stop", "?": "stop", '"': "quote", "`": "quote",
    "$": "dollar", "€": "money", "£": "money", "¥": "money", "₹": "money", "¢": "money",
}  # fmt: skip
SAME_SIGN = {"**": "^", "^^": "^", r"\|": "||", r"\$": "$", r"\%": "%", r"\&": "&"}
