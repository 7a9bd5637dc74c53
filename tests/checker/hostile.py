"""Responses that try to hang, crash or fool a checker: handmade ones, and mutations of ordinary ones."""

import random

ORDINARY = [
    r"\frac{1}{2}", r"2\sqrt{3}", "12", r"x^2+2x+1", r"(1, 2)", r"[0, 1) \cup (2, \infty)", r"\{1, 2, 3\}", "3 or 4",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", r"\boxed{5\text{ cm}^2}", "The answer is $12$.", r"90^\circ",
    r"\$1,234.50", r"x = 3, y = -4", r"\binom{10}{3}", r"\sin^2 x + \cos^2 x", r"\log_2 8", r"25\%", r"2 < x \le 5",
    r"\sum_{k=1}^{n} k", r"3 + 4i", r"204_5", r"1\frac{3}{4}", r"\sqrt[3]{2}", "no solution", r"e^{i\pi}", "5!",
]
REFERENCES = [
    "12",
    r"\frac{1}{2}",
    r"2\sqrt{3}",
    r"x^2+2x+1",
    "(1,2)",
    r"[0,1)",
    r"\text{no solution}",
    r"3+4i",
    r"10^{10}",
]
PIECES = [
    "^{9^{9^{9}}}", "!", "!!!", "99999999!", "{", "}", "(", ")", "[", "]", r"\left(", r"\frac{", r"\frac", r"\sqrt{", "$", "$$",
    r"\(", r"\[", r"\boxed{", r"\text{", r"\begin{pmatrix}", r"\\", "&", ",", ";", " and ", " or ", "=", "<", r"\le ", r"\pm ",
    "\0", "\u202e", "\u200b", "\ufeff", "\U0001f600", "٣", "１", "\n\n", "\t", "<answer>", "</think>", "<think>", "%", "#", "@",
    "__import__('os').system('true')", "lambda x: x", "10**10**10", "9" * 50, "1e999", "nan", "inf", r"\int_0^\infty ", r"\sum_{k=1}^{10^9} ",
    r"\prod_{k=1}^{99999} k", r"\binom{99999999}{44444444}", r"\infty", "x" * 30, "_", "_{", "'", '"', "~", "`", "|", ":", "?", ".",
    r"\lim_{x\to 0} ", r"\cup ", r"\in ", r"\mathbb{R}", "i", "e", "-", "+", "*", "/", "0", "7", r"\overline{3}", " is ", " the answer is ",
]


def handmade() -> list[str]:
    """Each is meant to break one thing."""
    return [
        "9^{9^{9^{9^{9}}}}", "9**9**9**9", r"9^9^9^9^9", "2^{2^{2^{2^{2^{2}}}}}", "(10^{10})^{(10^{10})}", "99999999999!", "((9!)!)!",
        r"\binom{10^9}{10^8}", "{" * 5000 + "x" + "}" * 5000, "(" * 900 + "1" + ")" * 900, r"\frac{" * 300 + "1" + "}{2}" * 300,
        r"\sqrt{" * 300 + "2" + "}" * 300, "[" * 1900, r"\left(" * 300, "7" * 1_000_000, "0." + "3" * 1900, "1" + ",111" * 480,
        "1 " * 950, "a " * 950, "and " * 480, ", " * 950, "x=" * 950, "-" * 1900, "^" * 1900, "$" * 1900, "\\" * 1900, "!" * 1900,
        "1" + "!" * 500, r"\boxed{" * 300, r"\text{" * 300, "\0", "5\0", "\u202e5", "5\u200f", "\ud800", "5\udfff", "\ufeff5", "٣", "５",
        r"\sum_{k=1}^{10^{12}} \frac{1}{k^2}", r"\int_0^1 \int_0^1 e^{x^2 y^2 \sin(xyz)} dx dy", r"\prod_{k=1}^{100000} k",
        "x^{1000000}+1", "(x+1)^{100000}", "(a+b+c+d+e)^{500}", r"\lim_{n\to\infty} (1+\frac{1}{n})^{n^{n^{n}}}",
        r"\begin{pmatrix}" + "1 & " * 400 + r"1 \end{pmatrix}", r"\begin{pmatrix}" + r"1 \\ " * 400 + r"1 \end{pmatrix}",
        "the answer is " * 140, "is " * 650, "1, " * 650, "a or " * 400, "x < " * 480, r"\cup " * 400, r"(0,1) \cup " * 180 + "(2,3)",
        "1+" * 950 + "1", "1/" * 950 + "1", "x" * 1900, "sin" * 600, r"\sin " * 380 + "x", "2^" * 950 + "2", "_" * 1900, "x_" * 900,
        "\\frac{1}{" * 200, "1.2.3.4.5", "--5", "+-+-5", "5e400", "1e-400", "__import__('os').system('echo hacked')",
        "exec('raise SystemExit')", "().__class__.__bases__[0].__subclasses__()", "open('/etc/passwd').read()", r"\input{/etc/passwd}",
        r"\write18{rm -rf /}", "'; DROP TABLE answers; --", "<script>alert(1)</script>", "{{7*7}}", "%s%s%s%n", "../../../etc/passwd",
        "12" + "\u0301" * 900, "𝟏𝟐", "½" * 900, "²" * 900, "\n" * 1900, " " * 1900, "<answer>" * 200, "</think> " * 200, "$1$ " * 450,
        r"\(1\) " * 300, "1. " * 600, "A. " * 600, r"\angle " * 270, "AB" * 900, r"\overline{" * 180, "m" * 1900 + "= 5", "|" * 1900,
        "{x | " * 300, r"\{x | " * 300, "(1,2" * 400, "1:2:" * 400, "%" * 1900, r"^\circ" * 300, "1 cm " * 380, "one " * 470,
    ]


def mutated(count: int, seed: int) -> list[str]:
    """Ordinary answers with a few pieces inserted, removed, repeated or shuffled; the same for the same seed."""
    draw = random.Random(seed)
    return [_mutant(draw) for _ in range(count)]


def _mutant(draw: random.Random) -> str:
    text = draw.choice(ORDINARY)
    for _ in range(draw.randint(1, 6)):
        at = draw.randint(0, len(text))
        match draw.randint(0, 5):
            case 0 | 1:
                text = text[:at] + draw.choice(PIECES) + text[at:]
            case 2:
                text = text[:at] + text[at + draw.randint(1, 5) :]
            case 3:
                text = text[:at] + text[max(0, at - 8) : at] * draw.randint(2, 40) + text[at:]
            case 4:
                text = text[:at] + draw.choice(ORDINARY) + text[at:]
            case 5:
                text = text[:at] + chr(draw.choice([*range(32, 127), *range(160, 1000), 0x202E, 0x1F600])) + text[at:]
    return text[:5000]


def responses(answers: list[str]) -> list[str]:
    """The answers in the strict form; what a Parquet file cannot hold (lone surrogates) becomes a question mark."""
    clean = (answer.encode("utf-8", "replace").decode() for answer in answers)
    return [f"so it is.</think> <answer> {answer} </answer>" for answer in clean]
