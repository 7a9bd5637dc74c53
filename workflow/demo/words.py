"""Word problems of one to four operations; the misconceptions use a wrong one."""

from fractions import Fraction
from random import Random

from chain import Number, Problem, Steps, quotient, render

NAMES = ("Ann", "Ben", "Mia", "Tom")
THINGS = ("pens", "books", "apples", "coins")


def one_step(rng: Random, level: int) -> tuple[str, str, tuple[int, ...]]:
    """(text, operation, numbers): level 1 adds or takes away, level 2 multiplies or shares out."""
    if level == 1:
        a, b = rng.randint(11, 99), rng.randint(2, 50)
        if rng.random() < 0.5 or b > a:
            return "{who} has {0} {what} and gets {1} more. How many now?", "+", (a, b)
        return "{who} has {0} {what} and gives away {1}. How many are left?", "-", (a, b)
    a, b = rng.randint(2, 19), rng.randint(3, 30)
    if rng.random() < 0.5:
        return "{who} buys {0} boxes of {1} {what}. How many {what}?", "*", (a, b)
    return "{who} shares {0} {what} equally among {1} friends. How many each?", "/", (a * b, a)


def calculate(steps: Steps, a: Number, sign: str, b: Number) -> Number:
    """`a sign b`, as one step."""
    if sign == "/":
        return quotient(steps, a, b)
    return steps.find(f"{render(a)}{sign}{render(b)}", {"+": a + b, "-": a - b, "*": a * b}[sign])


OPPOSITE = {"+": "-", "-": "+", "*": "+", "/": "-"}


def several_steps(rng: Random, level: int) -> tuple[str, tuple[str, ...], tuple[int, ...]]:
    """(text, operations, numbers).

    Level 3 buys boxes and has some already, level 4 buys boxes and gives some away, level 5 gives a
    fraction away and gets more.
    """
    a, b, c = rng.randint(2, 12), rng.randint(3, 15), rng.randint(2, 60)
    if level == 3:
        return (
            "{who} has {2} {what} and buys {0} boxes of {1}. How many now?",
            ("*", "+"),
            (a, b, c),
        )
    if level == 4:
        c = rng.randint(2, a * b - 1)
        return (
            "{who} buys {0} boxes of {1} {what} and gives away {2}. How many are left?",
            ("*", "-"),
            (a, b, c),
        )
    b = rng.randint(2, 8)
    numbers = (b * rng.randint(3, 20), rng.randint(1, b - 1), b, c)
    text = "{who} has {0} {what}, gives away {1}/{2} of them and gets {3} more. How many now?"
    return text, ("/", "*", "-", "+"), numbers


def word_problem(rng: Random, level: int) -> Problem:
    """A word problem; its canonical form is the text without the name and the thing."""
    if level < 3:
        text, sign, numbers = one_step(rng, level)
        signs: tuple[str, ...] = (sign,)
    else:
        text, signs, numbers = several_steps(rng, level)

    def solve(steps: Steps, misconception: int) -> Number:
        if level < 3:
            return calculate(
                steps, numbers[0], OPPOSITE[signs[0]] if misconception else signs[0], numbers[1]
            )
        if level == 5:
            share = calculate(steps, Fraction(numbers[0]), "/", numbers[2])
            share = share if numbers[1] == 1 else calculate(steps, share, "*", numbers[1])
            left = share if misconception == 1 else calculate(steps, numbers[0], "-", share)
            return calculate(steps, left, "-" if misconception == 2 else "+", numbers[3])
        total = calculate(steps, numbers[0], "+" if misconception == 1 else "*", numbers[1])
        last = OPPOSITE[signs[1]] if misconception == 2 else signs[1]
        left, right = (numbers[2], total) if level == 3 else (total, numbers[2])
        return calculate(steps, left, last, right)

    question = text.format(*numbers, who=rng.choice(NAMES), what=rng.choice(THINGS))
    return Problem(question, text.format(*numbers, who="", what=""), solve)
