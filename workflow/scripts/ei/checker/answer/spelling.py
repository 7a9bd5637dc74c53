r"""One spelling for what LaTeX, Unicode and plain text write in many ways.

`clean` keeps the mathematics and drops the typesetting: `$`, `\left`, `\,`, `\dfrac`, `{,}`, bold, invisible marks.
"""

import re
from functools import lru_cache

INVISIBLE = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xAD]
)
CONTROL = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")
SUPERSCRIPTS = {"⁰": "0", "¹": "1", "²": "2", "³": "3", "⁴": "4", "⁵": "5", "⁶": "6", "⁷": "7", "⁸": "8", "⁹": "9",
                "⁻": "-", "ⁿ": "n"}  # fmt: skip
SUBSCRIPTS = {chr(0x2080 + digit): str(digit) for digit in range(10)}
SYMBOLS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "－": "-", "×": r"\times ", "·": r"\cdot ",
    "⋅": r"\cdot ", "∙": r"\cdot ", "•": r"\cdot ", "÷": r"\div ", "∕": "/", "⁄": "/", "∞": r"\infty ", "π": r"\pi ",
    "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "±": r"\pm ", "∪": r"\cup ", "∩": r"\cap ",
    "∈": r"\in ", "∅": r"\emptyset ", "°": r"^\circ ", "º": r"^\circ ", "θ": r"\theta ", "α": r"\alpha ",
    "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ", "μ": r"\mu ", "φ": r"\phi ", "ω": r"\omega ",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "∠": r"\angle ", "△": r"\triangle ", "½": r"\frac{1}{2}",
    "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "⅛": r"\frac{1}{8}",
    "（": "(", "）": ")", "，": ", ", "。": ".", "：": ":", "；": ";", "＝": "=", "＋": "+", "％": "%", "’": "'",
    "‘": "'", "“": '"', "”": '"', "′": "'", "…": r"\ldots ", "\u00a0": " ", "\u2009": " ", "\u202f": " ",
    **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
}  # fmt: skip
TABLE = str.maketrans({**INVISIBLE, **{chr(c): s for c, s in CONTROL.items()}, **SYMBOLS})

SPACING = re.compile(
    r"(?<!\\)\\(?:[,;:!>]|q?quad|(?:thin|med|thick|neg)space(?![a-zA-Z])|(?=\s)|[hv]space\*?\{[^{}]*\})|~"
)
DROPPED = re.compile(
    r"\\(?:left|right|m?[bB]igg?[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits|strut|mathstrut"
    r"|rm|bf|it|sf|tt|large|Large|small|normalsize|centering|hfill|hline|allowbreak|nonumber)(?![a-zA-Z])"
)
TEXT = re.compile(
    r"\\(?:text(?:normal|rm|bf|it|sf|tt|up|sc)?|mbox|hbox|operatorname\*?|mathrm|mathop)\s*\{([^{}]*)\}"
)
FONT = re.compile(
    r"\\(?:math(?:bf|it|sf|tt|normal)|boldsymbol|bm|bold|emph|underline|pmb)\s*\{([^{}]*)\}"
)
ENVIRONMENT = re.compile(
    r"\\(?:begin|end)\s*\{(?:align|equation|gather|math|displaymath|eqnarray|split|aligned)\*?\}"
)
DELIMITERS = re.compile(r"(?<!\\)\$+|\\[()]|(?<!\\)\\[\[\]]")
SAME = [
    (re.compile(r"\\[dtc]frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\(?:leq|leqslant|leqq)(?![a-zA-Z])"), r"\\le "),
    (re.compile(r"\\(?:geq|geqslant|geqq)(?![a-zA-Z])"), r"\\ge "),
    (re.compile(r"\\(?:neq|not\s*=)(?![a-zA-Z])"), r"\\ne "),
    (re.compile(r"\\lt(?![a-zA-Z])"), "<"),
    (re.compile(r"\\gt(?![a-zA-Z])"), ">"),
    (re.compile(r"\\(?:simeq|doteq|thickapprox)(?![a-zA-Z])|~="), r"\\approx "),
    (re.compile(r"\\(?:lbrace)(?![a-zA-Z])"), r"\\{"),
    (re.compile(r"\\(?:rbrace)(?![a-zA-Z])"), r"\\}"),
    (re.compile(r"\\(?:lbrack)(?![a-zA-Z])"), "["),
    (re.compile(r"\\(?:rbrack)(?![a-zA-Z])"), "]"),
    (re.compile(r"\\(?:lvert|rvert|vert|mid)(?![a-zA-Z])"), "|"),
    (re.compile(r"\\(?:varnothing|O)(?![a-zA-Z])"), r"\\emptyset "),
    (
        re.compile(r"\\(?:mathbb|Bbb|mathbf)\s*\{?\s*R\s*\}?|\\(?:R|Reals|reals)(?![a-zA-Z])"),
        r"\\mathbb{R}",
    ),
    (re.compile(r"\\(?:bigcup)(?![a-zA-Z])"), r"\\cup "),
    (re.compile(r"\\langle(?![a-zA-Z])"), "("),
    (re.compile(r"\\rangle(?![a-zA-Z])"), ")"),
    (re.compile(r"\\(?:ast|star|bullet)(?![a-zA-Z])"), r"\\cdot "),
    (re.compile(r"\\(?:dots|ldots|cdots|dotsc|dotsb)(?![a-zA-Z])|\.\.\.+"), r"\\ldots "),
    (re.compile(r"\\(?:varphi)(?![a-zA-Z])"), r"\\phi "),
    (re.compile(r"\\(?:pounds)(?![a-zA-Z])"), "£"),
    (re.compile(r"\{\s*,\s*\}"), ","),
    (re.compile(r"\+\s*\\infty"), r"\\infty"),
    (re.compile(r"\\%"), "%"),
    (
        re.compile(
            r"\s*(?:\\text\{\s*|(?<![a-zA-Z\\]))(?:percent(?:age)?|pct|per cent)(?:\s*\}|(?![a-zA-Z]))"
        ),
        "%",
    ),
    (
        re.compile(
            r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![a-zA-Z])|\\degree(?![a-zA-Z])|\\deg(?![a-zA-Z])"
        ),
        r"^\\circ ",
    ),
    (
        re.compile(r"\s*\\?-?\s*(?:\\text\{\s*|(?<![a-zA-Z\\]))degrees?\s*(?:\}|(?![a-zA-Z]))"),
        r"^\\circ ",
    ),
    (re.compile(r"(?<=\d) [xX] (?=\d)"), r"\\times "),
    (re.compile(r"\{([^{}]*)\\choose(?![a-zA-Z])([^{}]*)\}"), r"\\binom{\1}{\2}"),
    (re.compile(r"(?<![\w.\\])(\d+(?:\.\d+)?)[eE]([+-]?\d{1,3})(?![\w.^])"), r"\1\\times 10^{\2}"),
    (re.compile(r"(?<![a-zA-Z])([aApP])\.\s?[mM](?![a-zA-Z])\.?"), r"\1m"),
    (re.compile(r"\\overrightarrow(?![a-zA-Z])"), r"\\vec"),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"<="), r"\\le "),
    (re.compile(r">="), r"\\ge "),
    (re.compile(r"!="), r"\\ne "),
    (re.compile(r"\*"), r"\\cdot "),
    (re.compile(r"(?<![a-zA-Z\\])(?:infinity|infty|oo|inf)(?![a-zA-Z])"), r"\\infty "),
    (re.compile(r"(?<![a-zA-Z\\])pi(?![a-zA-Z])"), r"\\pi "),
    (re.compile(r"(?<![a-zA-Z\\])(sin|cos|tan|log|ln)(?=\s*[(^\d])"), r"\\\1"),
    (re.compile(r"(?<![a-zA-Z\\])U(?=\s*[(\[])(?<=[)\]]\sU)"), r"\\cup "),
]
DIGIT_FRACTIONS = [
    (re.compile(r"\\frac\s*(\d)\s*(\d)"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\frac\s*(\d|[a-zA-Z])\s*\{"), r"\\frac{\1}{"),
    (re.compile(r"\\frac\s+([a-zA-Z\d])\s*([a-zA-Z\d])"), r"\\frac{\1}{\2}"),
    (re.compile(r"(\\frac\s*\{(?:[^{}]|\{[^{}]*\})*\})\s*([a-zA-Z\d])"), r"\1{\2}"),  # \frac{\sqrt{3}}2
    (re.compile(r"\\sqrt\s*(\d|(?<=\s)[a-zA-Z])"), r"\\sqrt{\1}"),
    (re.compile(r"\\frac\s+\{"), r"\\frac{"),
    (
        re.compile(
            r"(?<![\w}.\\^_])(\d+)\s*/\s*(\d+)(?=\s*[a-zA-Z\\(])"
            r"(?!\s*(?:\\text|\\le|\\ge|\\ne|\\cup|[a-zA-Z]{2}))"
        ),
        r"\\frac{\1}{\2}",
    ),
]  # fmt: skip
BASES = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
NAMED_BASE = re.compile(rf"_\s*\{{?\s*\\text\{{({'|'.join(BASES)})\}}\s*\}}?")
PLAIN_ROOT = re.compile(r"(?:(?<![a-zA-Z\\])sqrt|√)\s*(?=\()")
PLAIN_ROOT_BARE = re.compile(r"(?:(?<![a-zA-Z\\])sqrt|√)\s*(?:\{([^{}]*)\}|(\d+|[a-zA-Z]))")
POWER_OF_PARENTHESES = re.compile(r"\^\s*(?=\()")
THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3})((?:,\d{3})+)(?![\d,])")
SPACED_THOUSANDS = re.compile(r"(?<![\d.,] )(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d,])(?! \d)")
PLAIN = re.compile(r"\s*\$?(-?\d+(?:\.\d+)?(?:/\d+)?)\.?\$?\s*")  # most answers: nothing to do
SCRIPTS = re.compile(f"[{''.join(SUPERSCRIPTS)}]+")
LOWS = re.compile(f"[{''.join(SUBSCRIPTS)}]+")


@lru_cache(maxsize=8192)
def clean(text: str) -> str:
    """The same mathematics in one spelling."""
    if plain := PLAIN.fullmatch(text):
        return plain[1]
    text = SCRIPTS.sub(lambda m: "^{" + "".join(SUPERSCRIPTS[c] for c in m[0]) + "}", text)
    text = LOWS.sub(lambda m: "_{" + "".join(SUBSCRIPTS[c] for c in m[0]) + "}", text)
    text = text.translate(TABLE).replace(r"\\$", r"\$")
    text = re.sub(r"\\\\\s*\[[^\]]*(?:pt|em|ex|mm|cm)\]", r"\\\\", text)
    text = re.sub(r",\s*\\!\s*(?=\d)", ",", text)
    text = re.sub(r"\\(?:left|right)\s*\.", "", text)
    text = ENVIRONMENT.sub(" ", DELIMITERS.sub("", text))
    text = SPACING.sub(" ", DROPPED.sub("", text))
    text = FONT.sub(r"\1", TEXT.sub(_text, text))
    for pattern, replacement in SAME:
        text = pattern.sub(replacement, text)
    text = NAMED_BASE.sub(lambda m: f"_{{{BASES.index(m[1]) + 2}}}", text)
    text = _plain_calls(text)
    for pattern, replacement in DIGIT_FRACTIONS:
        text = pattern.sub(replacement, text)
    return trimmed(text)


def _text(match: re.Match[str]) -> str:
    """`\\text{...}`, or the letter itself where it is a constant or empty."""
    inner = match[1].strip()
    if not inner:
        return " "
    if re.fullmatch(r"[A-DF-HJ-Z]", inner) and re.search(
        r"[\d}]\s*$", match.string[: match.start()]
    ):
        return rf"\text{{{inner}}}"  # 5 J
    if re.fullmatch(r"[\d.,/+\-\s]+|[eid]|\(?[A-Z]\)?|[A-Z](?:, ?[A-Z])+|%|\\\$", inner):
        return f" {inner} "
    if counted := re.fullmatch(r"([\d:.,/]+)\s*([a-zA-Z][a-zA-Z. ]*)", inner):
        return rf" {counted[1]} \text{{{counted[2]}}}"
    return rf"\text{{{inner}}}"


def _plain_calls(text: str) -> str:
    """`sqrt(2)` and `x^(n+1)` with braces."""
    text = PLAIN_ROOT_BARE.sub(lambda m: rf"\sqrt{{{m[1] or m[2]}}}", text)
    for pattern, command in ((PLAIN_ROOT, r"\sqrt"), (POWER_OF_PARENTHESES, "^")):
        parts, position = [], 0
        for match in pattern.finditer(text):
            end = closing(text, match.end())
            if match.start() < position or end is None:
                continue
            parts += [
                text[position : match.start()],
                command,
                "{",
                text[match.end() + 1 : end],
                "}",
            ]
            position = end + 1
        text = "".join(parts) + text[position:]
    return text


def closing(text: str, start: int) -> int | None:
    """The index of the bracket that closes the one at `start`, or None."""
    pairs = {"(": ")", "[": "]", "{": "}"}
    opening, close, depth = text[start], pairs[text[start]], 0
    for index in range(start, len(text)):
        if text[index] == opening:
            depth += 1
        elif text[index] == close:
            depth -= 1
            if depth == 0:
                return index
    return None


def trimmed(text: str) -> str:
    """The text without outer spaces, trailing punctuation, and braces around the whole."""
    while True:
        before = text
        text = text.strip(' ,;:`"\n')
        text = re.sub(r"(?:\\+|(?<!\\ldots)\.|/)$", "", text)
        if text.startswith("{") and closing(text, 0) == len(text) - 1:
            text = text[1:-1]
        if text == before:
            return re.sub(r"\s+", " ", text)


def without_thousands(text: str) -> str:
    """`1,234,567` and `1 234 567` as 1234567."""
    text = SPACED_THOUSANDS.sub(lambda m: m[0].replace(" ", ""), text)
    return THOUSANDS.sub(lambda m: m[1] + m[2].replace(",", ""), text)


def key(text: str) -> str:
    r"""The cleaned text without spaces, `\text` and needless braces: equal keys are the same answer."""
    text = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text)
    text = re.sub(r"([_^])\{(\w)\}", r"\1\2", text)
    text = re.sub(
        r"(?<=\d)\s+(?=\d)|(?<=\d,)\s+(?=\d{3}(?!\d))", "\0", text.strip()
    )  # 3 7 is not 37
    return re.sub(r"\s+", "", text).replace("\0", " ")
