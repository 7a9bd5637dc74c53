"""Numbers in words: "one hundred fifty", "two thirds", "3 million", "two and a half"."""

from fractions import Fraction

SMALL_WORDS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS_WORDS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SMALL = {word: value for value, word in enumerate(SMALL_WORDS)}
TENS = {word: 10 * value for value, word in enumerate(TENS_WORDS, start=2)}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
GROUPS = {"dozen": 12, "score": 20, "gross": 144, "tens": 10, "hundreds": 100}
GROUPS |= {"dozens": 12, "scores": 20} | {f"{name}s": value for name, value in SCALES.items()}
ORDINALS = {
    "half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "sixteenth": 16,
    "twentieth": 20, "hundredth": 100, "thousandth": 1000, "millionth": 10**6,
}  # fmt: skip
PARTS = ORDINALS | {f"{name}s": value for name, value in ORDINALS.items()} | {"halves": 2}
NUMBER_WORDS = frozenset([*SMALL, *TENS, "hundred", *SCALES, *GROUPS, *PARTS])


def number_in_words(words: list[str]) -> tuple[Fraction, int] | None:
    """The number at the start of the words, and how many words it has; None where there is none.

    Words are lower case, hyphens removed: ["two", "thirds", "of"] is (2/3, 2).
    """
    article = bool(words) and words[0] in ("a", "an") and len(words) > 1
    if article and words[1] not in (*PARTS, *GROUPS, "hundred", *SCALES):
        return None
    found = (Fraction(1), 1) if article else _integer(words)
    if found is None:
        return (Fraction(1, 2), 1) if words[:1] == ["half"] else _group(Fraction(1), words, 0)
    value, used = found
    if article and words[1] in ("hundred", *SCALES):
        value, used = scaled(value, words, used)
    if words[used : used + 1] and words[used] in PARTS:
        return value / PARTS[words[used]], used + 1
    if words[used : used + 2] == ["and", "a"] and words[used + 2 : used + 3] != []:
        part = PARTS.get(words[used + 2])
        if part:
            return value + Fraction(1, part), used + 3
    return _group(value, words, used)


def scaled(value: Fraction, words: list[str], used: int) -> tuple[Fraction, int]:
    """The value times what "hundred", "million" or "halves" after it say, and the words used."""
    while used < len(words) and words[used] in ("hundred", *SCALES):
        value *= SCALES.get(words[used], 100)
        used += 1
    if used < len(words) and words[used] in PARTS and words[used] != "quarter":
        return value / PARTS[words[used]], used + 1
    return _group(value, words, used) or (value, used)


def _group(value: Fraction, words: list[str], used: int) -> tuple[Fraction, int] | None:
    """The value times twelve before "dozen", and so on."""
    if used < len(words) and words[used] in GROUPS:
        return value * GROUPS[words[used]], used + 1
    return (value, used) if used else None


def _integer(words: list[str]) -> tuple[Fraction, int] | None:
    """An integer such as "two thousand one hundred and five"."""
    total, group, used, last = 0, 0, 0, 10**15
    while used < len(words):
        word = words[used]
        if word in SMALL and last > SMALL[word] and last >= 20:
            if last in range(20, 100) and not 0 < SMALL[word] < 10:
                break
            group, last = group + SMALL[word], 1
        elif word in TENS and last >= 100:
            group, last = group + TENS[word], TENS[word]
        elif word == "hundred" and 0 < group < 100:
            group, last = group * 100, 100
        elif word in SCALES and group:
            total, group, last = total + group * SCALES[word], 0, SCALES[word]
        elif word == "and" and last in (100, *SCALES.values()) and _continues(words, used):
            pass
        else:
            break
        used += 1
    return (Fraction(total + group), used) if used else None


def _continues(words: list[str], at: int) -> bool:
    """Whether a number goes on after the word "and"."""
    return at + 1 < len(words) and (words[at + 1] in SMALL or words[at + 1] in TENS)
