"""Nine kinds of questions at five levels, each with its correct method and one or two wrong ones.

A kind takes a random generator and a level from 1 to 5 and returns a problem. The order in which it
draws numbers is part of the corpus: another order would give other documents for the same seed.
"""

from collections.abc import Callable, Sequence
from random import Random

from chain import (
    Number,
    Problem,
    Steps,
    columns_difference,
    columns_sum,
    product,
    quotient,
    render,
    worded,
)
from fraction_sums import fractions
from words import word_problem


def sums(rng: Random, level: int) -> Problem:
    """Sums and differences in columns; misconceptions: carry, borrow or sign is lost."""
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


def signed(value: int) -> str:
    """The number with its sign, as it continues an expression: `+3` or `-3`."""
    return f"+{value}" if value >= 0 else str(value)


def equations(rng: Random, level: int) -> Problem:
    """Linear equations p(x+m)+b=kx+c; misconception: a term changes sides but not its sign."""
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
    """(remainder, quotient) of `a` by `m`, tens of the quotient first; `off` is an error in it."""
    whole, rest = 0, a
    for unit in (10, 1):
        count = int(rest // (m * unit)) + (off if unit == 1 else 0)
        if count:
            taken = steps.find(f"{m}*{count * unit}", m * count * unit)
            rest = steps.find(f"{render(rest)}-{render(taken)}", rest - taken)
            whole += count * unit
    return rest, whole


def remainders(rng: Random, level: int) -> Problem:
    """Remainders, at level 5 of a product; misconceptions: the quotient, a quotient too small."""
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
    """`base ** exponent` by repeated multiplication; the misconception takes base * exponent."""
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
    """Order of operations; misconception: left to right, ignoring brackets and precedence."""
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
    """The value of an expression of + - * with at most one pair of brackets, step by step."""
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
    """Percentages by way of a tenth.

    Misconceptions: n/100 is taken for a tenth (at level 5, n/10 for a hundredth), or the change for
    the result.
    """
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
        tens, share = p // 10, tenth
        if tens > 1:
            share = steps.find(f"{tens}*{render(tenth)}", tens * tenth)
        if p % 10:
            half = quotient(steps, tenth, 2)
            share = steps.find(f"{render(share)}+{render(half)}", share + half) if tens else half
        if not change or misconception == 2:
            return share
        mark, sign = ("+", 1) if change == "increased" else ("-", -1)
        return steps.find(f"{n}{mark}{render(share)}", n + sign * share)

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
