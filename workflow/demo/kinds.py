"""Nine kinds of questions at five levels, each with its right method and one or two wrong ones."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random

from chain import Number, Problem, Steps, columns_difference, columns_sum, product, quotient, render
from words import word_problem


def worded(rng: Random, expression: str) -> str:
    return rng.choice(("What is {}?", "Compute {}.", "Calculate {}.")).format(expression)


def sums(rng: Random, level: int) -> Problem:
    """Sums and differences of one to four digits in columns; misconceptions: carry, borrow or sign lost."""
    low, high = ((2, 40), (11, 99), (101, 999), (1001, 9999), (101, 999))[level - 1]
    a, b = rng.randint(low, high), rng.randint(low, high)
    plus = rng.random() < 0.5
    c = rng.randint(101, 999) if level == 5 else 0
    first, second = (max(a, b), min(a, b)) if plus else (a, b)

    def solve(steps: Steps, misconception: int) -> Number:
        drop_carry = misconception > 0
        if plus:
            total = columns_sum(steps, a, b, drop_carry)
        else:
            total = columns_difference(
                steps, max(a, b), min(a, b), smaller_from_larger=misconception == 1
            )
            if a < b and misconception != 2:
                total = -total
        if not c:
            return total
        steps.say(f"{render(total)}+{c}")
        return (
            columns_sum(steps, total, c, drop_carry)
            if total >= 0
            else steps.find(f"{c}-{-total}", c + total)
        )

    sign = "+" if plus else "-"
    tail = f"+{c}" if c else ""
    return Problem(worded(rng, f"{a}{sign}{b}{tail}"), f"{first}{sign}{second}{tail}", solve)


def products(rng: Random, level: int) -> Problem:
    """Products by partial products; misconception: tens read as units."""
    ranges = (
        ((2, 9), (11, 160)),
        ((101, 499), (2, 9)),
        ((11, 39), (11, 60)),
        ((21, 99), (21, 99)),
        ((101, 499), (11, 49)),
    )
    a, b = (rng.randint(*bounds) for bounds in ranges[level - 1])
    x, y = (b, a) if level == 1 else (a, b)

    def solve(steps: Steps, misconception: int) -> Number:
        return product(steps, x, y, tens_as_units=misconception > 0)

    return Problem(worded(rng, f"{a}*{b}"), f"{min(a, b)}*{max(a, b)}", solve)


def fraction_terms(rng: Random, level: int) -> list[tuple[int, int]]:
    """Two or three fractions (numerator, denominator): equal, nested, coprime or any small denominators."""
    b = rng.randint(3, 19) if level == 1 else rng.randint(2, 9)
    if level == 1:
        d = b
    elif level == 2:
        d = b * rng.randint(2, 4)
    else:
        d = rng.choice([d for d in range(2, 10 if level == 3 else 13) if d != b])
    denominators = [b, d] + ([rng.choice((b, d))] if level == 5 else [])
    return [
        (rng.randint(1, 2 * denominator if level < 3 else 9), denominator)
        for denominator in denominators
    ]


def fractions(rng: Random, level: int) -> Problem:
    """Sums and differences of fractions; misconceptions: a+c over b+d, numerators not rescaled."""
    terms = fraction_terms(rng, level)
    signs = [1] + [rng.choice((1, -1)) for _ in terms[1:]]

    def solve(steps: Steps, misconception: int) -> Number:
        n, d = terms[0]
        numerator: Number = n
        denominator: Number = d
        for sign, (p, q) in zip(signs[1:], terms[1:], strict=True):
            mark, scale = ("+" if sign > 0 else "-"), Fraction(q, 1) / Fraction(denominator)
            if misconception == 1:
                down = steps.find(f"{render(denominator)}+{q}", denominator + q)
                right: Number = p
            elif denominator == q:
                down, right = denominator, p
            else:
                down = (
                    q
                    if scale.denominator == 1
                    else steps.find(f"{render(denominator)}*{q}", denominator * q)
                )
                if misconception == 0:
                    up = down / Fraction(denominator)
                    numerator = steps.find(f"{render(numerator)}*{render(up)}", numerator * up)
                    up = down / Fraction(q)
                    right = p if up == 1 else steps.find(f"{p}*{render(up)}", p * up)
                else:
                    right = p
            numerator = steps.find(
                f"{render(numerator)}{mark}{render(right)}", numerator + sign * right
            )
            denominator = down
        return quotient(steps, numerator, denominator)

    marks = ["", *("+" if sign > 0 else "-" for sign in signs[1:])]
    expression = "".join(f"{mark}{p}/{q}" for mark, (p, q) in zip(marks, terms, strict=True))
    signed = sorted((sign, p, q) for sign, (p, q) in zip(signs, terms, strict=True))
    return Problem(worded(rng, expression), f"fractions {signed}", solve)


def signed(value: int) -> str:
    return f"+{value}" if value >= 0 else str(value)


def equations(rng: Random, level: int) -> Problem:
    """Linear equations p(x+m)+b=kx+c; misconception: a term keeps its sign when it changes sides."""
    x, b = rng.randint(-9 if level > 2 else 1, 40 if level == 1 else 12), rng.randint(2, 30)
    p, k, m = (1, 0, 0) if level == 1 else (rng.randint(2, 9), 0, 0)
    if level == 3:
        b = -b
    if level >= 4:
        k = rng.choice([k for k in range(1, 10) if k != p])
    if level == 5:
        b, m = 0, rng.randint(1, 9) * rng.choice((1, -1))
    c = rng.randint(2, 40) if level == 5 else (p - k) * x + b
    left = f"{p}(x{signed(m)})" if m else f"{p if p > 1 else ''}x{signed(b)}"
    equation = f"{left}={k if k > 1 else ''}x{signed(c)}" if k else f"{left}={c}"

    def solve(steps: Steps, misconception: int) -> Number:
        constant: Number = steps.find(f"{p}*{m}", p * m) if m else b
        flip = 1 if misconception == 1 or (misconception and not k) else -1
        moved = flip * constant
        top = steps.find(f"{c}{'+' if moved >= 0 else ''}{render(moved)}", c + moved)
        slope: Number = p
        if k:
            slope = steps.find(
                f"{p}{'+' if misconception == 2 else '-'}{k}",
                p + k if misconception == 2 else p - k,
            )
        return top if slope == 1 else quotient(steps, top, slope, "x=")

    wording = rng.choice(("Solve {}.", "Find x: {}.", "Solve {} for x."))
    return Problem(wording.format(equation), equation, solve)


def remainder(steps: Steps, a: Number, m: int, off: int) -> tuple[Number, Number]:
    """Remainder and quotient of `a` by `m`, tens of the quotient first; `off` is added to the quotient."""
    whole, rest = 0, a
    for unit in (10, 1):
        count = int(rest // (m * unit)) + (off if unit == 1 else 0)
        if count:
            taken = steps.find(f"{m}*{count * unit}", m * count * unit)
            rest = steps.find(f"{render(rest)}-{render(taken)}", rest - taken)
            whole += count * unit
    return rest, whole


def remainders(rng: Random, level: int) -> Problem:
    """Remainders, at level 5 of a product; misconceptions: the quotient instead, a quotient too small."""
    ranges = (
        ((11, 180), (3, 9)),
        ((41, 300), (3, 12)),
        ((101, 999), (3, 9)),
        ((201, 999), (11, 25)),
        ((11, 99), (6, 12)),
    )
    a, m = (rng.randint(*bounds) for bounds in ranges[level - 1])
    b = rng.randint(11, 99) if level == 5 else 1

    def solve(steps: Steps, misconception: int) -> Number:
        off = -1 if misconception == 2 and a >= m else 0
        rest, whole = remainder(steps, a, m, off if b == 1 else 0)
        if b > 1:
            other, _ = remainder(steps, b, m, 0)
            both = steps.find(f"{render(rest)}*{render(other)}", rest * other)
            rest, whole = remainder(steps, both, m, off if both >= m else 0)
        return whole if misconception == 1 else rest

    thing = f"{a}*{b}" if b > 1 else str(a)
    wording = rng.choice(("What is the remainder when {} is divided by {}?", "Compute {} mod {}."))
    return Problem(wording.format(thing, m), f"{min(a, b)}*{max(a, b)} mod {m}", solve)


def power(steps: Steps, base: int, exponent: int, as_product: bool) -> Number:
    """`base ** exponent` by repeated multiplication; the misconception multiplies base by exponent."""
    if as_product:
        return steps.find(f"{base}*{exponent}", base * exponent)
    if base > 12:
        return product(steps, base, base)
    value: Number = base
    for _ in range(exponent - 1):
        value = steps.find(f"{render(value)}*{base}", value * base)
    return value


def powers(rng: Random, level: int) -> Problem:
    """Powers with a further term; misconception: base times exponent."""
    low, high, exponent = ((2, 9, 2), (5, 19, 2), (3, 9, 3), (11, 39, 2), (3, 9, 3))[level - 1]
    base, plus = rng.randint(low, high), rng.random() < 0.5
    other = rng.randint(11, 29) if level >= 4 else rng.randint(2, 99)
    third = rng.randint(2, 99) if level == 5 else 0

    def solve(steps: Steps, misconception: int) -> Number:
        left = power(steps, base, exponent, misconception > 0)
        right = power(steps, other, 2, misconception > 0) if level >= 4 else other
        mark = "+" if plus else "-"
        total = steps.find(
            f"{render(left)}{mark}{render(right)}", left + right if plus else left - right
        )
        return steps.find(f"{render(total)}+{third}", total + third) if third else total

    tail = f"{other}^2" if level >= 4 else str(other)
    expression = f"{base}^{exponent}{'+' if plus else '-'}{tail}" + (f"+{third}" if third else "")
    return Problem(worded(rng, expression), expression, solve)


def order(rng: Random, level: int) -> Problem:
    """Order of operations; misconception: from left to right, brackets and precedence forgotten."""
    a, b, c, d, e = (rng.randint(2, 9) for _ in range(5))
    a = rng.randint(2, 60) if level != 3 else a
    shapes: tuple[list[Number | str], ...] = (
        [a, "+", b, "*", c],
        [a, "-", b, "*", c],
        [a, "*", b, rng.choice("+-"), c, "*", d],
        ["(", a, "+", b, ")", "*", c, "-", d, "*", e],
        [a, "-", "(", b, "-", c, "*", d, ")", "*", e],
    )
    tokens = shapes[level - 1]

    def solve(steps: Steps, misconception: int) -> Number:
        flat = (
            [token for token in tokens if token not in ("(", ")")]
            if misconception
            else list(tokens)
        )
        return evaluate(steps, flat, by_precedence=not misconception)

    expression = "".join(str(token) for token in tokens)
    return Problem(worded(rng, expression), expression, solve)


def evaluate(steps: Steps, tokens: Sequence[Number | str], by_precedence: bool) -> Number:
    """The value of an expression of + - * and one pair of brackets, one written step for each operation."""
    tokens = list(tokens)
    if "(" in tokens:
        start, end = tokens.index("("), tokens.index(")")
        tokens[start : end + 1] = [evaluate(steps, tokens[start + 1 : end], by_precedence)]
    while len(tokens) > 1:
        at = tokens.index("*") if by_precedence and "*" in tokens else 1
        left, sign, right = tokens[at - 1 : at + 2]
        assert not isinstance(left, str)
        assert not isinstance(right, str)
        value = left * right if sign == "*" else left + right if sign == "+" else left - right
        shown = f"({render(right)})" if right < 0 else render(right)
        tokens[at - 1 : at + 2] = [steps.find(f"{render(left)}{sign}{shown}", value)]
    assert not isinstance(tokens[0], str)
    return tokens[0]


def percentages(rng: Random, level: int) -> Problem:
    """Percentages by way of a tenth; misconceptions: a tenth taken for a hundredth, the change for the result."""
    p, n = (
        (rng.choice((10, 20, 50)), rng.randint(2, 400) * 10),
        (rng.randint(2, 9) * 10, rng.randint(2, 150) * 10),
        (rng.randint(0, 9) * 10 + 5, rng.randint(2, 150) * 20),
        (rng.randint(1, 9) * 10, rng.randint(2, 150) * 10),
        (rng.randint(2, 99), rng.randint(11, 99)),
    )[level - 1]
    change = rng.choice(("increased", "decreased")) if level == 4 else ""

    def solve(steps: Steps, misconception: int) -> Number:
        if level == 5:
            return quotient(steps, product(steps, p, n), 10 if misconception else 100)
        tenth = quotient(
            steps, n, 100 if misconception == 1 or (misconception and not change) else 10
        )
        tens, part = p // 10, tenth
        if tens > 1:
            part = steps.find(f"{tens}*{render(tenth)}", tens * tenth)
        if p % 10:
            half = quotient(steps, tenth, 2)
            part = steps.find(f"{render(part)}+{render(half)}", part + half) if tens else half
        if not change or misconception == 2:
            return part
        mark, sign = ("+", 1) if change == "increased" else ("-", -1)
        return steps.find(f"{n}{mark}{render(part)}", n + sign * part)

    text = f"{n} {change} by {p}%" if change else f"{p}% of {n}"
    return Problem(worded(rng, text), text, solve)


KINDS: dict[str, Callable[[Random, int], Problem]] = {
    "sums": sums,
    "products": products,
    "fractions": fractions,
    "equations": equations,
    "remainders": remainders,
    "powers": powers,
    "word problems": word_problem,
    "order of operations": order,
    "percentages": percentages,
}
