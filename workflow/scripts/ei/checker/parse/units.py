"""A value and what it counts: units, currency, degrees and percent signs, told from the number they stand with."""

import re
from dataclasses import dataclass

CURRENCY = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "₹": "rupee"}
SYNONYMS = {
    name: unit
    for unit, names in {
        "mm": "millimeter millimetre", "cm": "centimeter centimetre", "m": "meter metre", "km": "kilometer kilometre",
        "inch": "in inche", "ft": "foot feet", "yd": "yard", "mi": "mile", "kg": "kilogram kilo", "g": "gram gm",
        "mg": "milligram", "lb": "pound", "oz": "ounce", "l": "liter litre", "ml": "milliliter millilitre",
        "s": "second sec", "min": "minute", "h": "hour hr", "day": "", "wk": "week", "month": "", "yr": "year",
        "dollar": "usd buck", "cent": "¢", "mph": "", "kph": "kmh kmph", "rad": "radian", "gal": "gallon",
        "am": "a.m", "pm": "p.m", "celsius": "c", "fahrenheit": "f", "square": "sq", "cubic": "cu",
        "people": "person", "men": "man", "women": "woman", "children": "child", "mice": "mouse",
    }.items()
    for name in (unit, *names.split())
}  # fmt: skip
NEUTRAL = {"unit", "total", "altogether", "different", "distinct", "possible", "exactly", "a", "an", "the", "of",
           "is", "are", "there", "only", "each", "one", "whole", "all", "same", "such", "that", "these", "for",
           "number", "way", "answer", "here"}  # fmt: skip
# Words that say something about the number which may not be dropped.
MEANINGFUL = {"not", "or", "and", "less", "more", "least", "most", "than", "greater", "fewer", "minus", "plus",
              "except", "between", "to", "over", "under", "without", "no", "squared", "cubed", "factorial", "if",
              "unless", "but", "remainder", "mod", "modulo", "base", "about", "approximately", "around", "nearly",
              "half", "third", "quarter", "fourth", "fifth", "tenth", "thousand", "million", "billion", "hundred",
              "dozen", "double", "twice", "negative", "other", "wrong", "false", "undefined", "infinite", "th", "st",
              "nd", "rd", "divided", "multiplied", "times", "above", "below", "up", "down", "left", "incorrect",
              "trillion", "pair", "score", "power", "root", "odd", "even", "from", "until", "before", "after", "when",
              "where", "choose", "then", "so", "because", "since"}  # fmt: skip
MULTIPLIERS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
RATES = {"mph": ("mi", "per", "h"), "kph": ("km", "per", "h")}
SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = {
    **{word: value for value, word in enumerate(SMALL.split())},
    **{word: 10 * value for value, word in enumerate(TENS.split(), start=2)},
    "hundred": 100,
}

TRAILING_TEXT = re.compile(
    r"\s*(?:\\text\{(?P<text>[^{}]*)\}|(?<![a-zA-Z\\_^])(?P<word>[a-zA-Z]{2,}\.?(?:\s+[a-zA-Z']+\.?){0,12}))"
    r"\s*(?P<power>\^\s*(?:\d|\{-?\d\}))?\s*$"
)
MODULUS = re.compile(
    r"\s*(?:\\pmod\s*\{?(\w+)\}?|\(\s*(?:\\text\{\s*)?\\?mod\s*\}?\s*(\w+)\s*\}?\s*\))$"
)
PER = re.compile(r"\s*(?:/|\\cdot)\s*$")
VALUE_END = re.compile(
    r"\\text\{[^{}]*\}(?:\s*\^\s*\{?-?\d\}?)?$|[\d)}\]|%!]$|\\circ$|\\pi$|[\d)}\]]\s*[a-zA-Z]$"
)
FUNCTIONS = {
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "log",
    "ln",
    "exp",
    "gcd",
    "lcm",
    "pi",
    "sqrt",
}
ALONE = re.compile(
    r"^(?P<value>-?[\d.,]*\d(?:/\d+)?) (?P<unit>m|g|s|h|L|l|K|J|N|W|V|A|C|F)(?P<power>\^\{?[23]\}?)?$"
)


@dataclass(frozen=True)
class Quantity:
    """The text of a value, and the sorted words of its unit; `%` and degrees are flags."""

    value: str
    unit: tuple[str, ...] = ()
    percent: bool = False
    degrees: bool = False


def quantity(text: str) -> Quantity:
    """The value with its unit taken off; a word that changes the meaning stays, and makes the whole a text."""
    unit: list[str] = []
    text = _currency(text.strip(), unit)
    while match := TRAILING_TEXT.search(text):
        before = PER.sub("", text[: match.start()].rstrip())
        if not VALUE_END.search(before) or not _may_be_unit(
            match, text[match.start() : match.start() + 1].isspace()
        ):
            break
        words = _unit_words(match)
        scale = MULTIPLIERS.get(words[0]) if words else None
        if scale and re.fullmatch(r"-?[\d.,]+", before):
            unit += words[1:]
            text = rf"{before}\times 10^{{{scale}}}"
            break
        if not words or meaningful(match["text"] or match["word"]):
            break
        unit += words
        text = before
    if alone := ALONE.match(text):
        unit += [alone["unit"].lower() + (alone["power"] or "").strip("^{}")]
        text = alone["value"]
    if match := MODULUS.search(text):
        unit.append(f"mod{match[1]}")
        text = text[: match.start()]
    angle = bool(
        re.search(r"\\(?:sin|cos|tan|cot|sec|csc|cis)", text)
    )  # sin 60 degrees is no angle itself
    text, degrees = (
        (text, 0) if angle else re.subn(r"\s*\^\\circ\s*(?:([CF])(?![a-zA-Z]))?\s*$", "", text)
    )
    text, percent = re.subn(r"\s*%\s*$", "", text)
    text = _currency(text.strip(), unit)
    return Quantity(
        text.strip(),
        tuple(sorted({w for w in unit if w not in NEUTRAL})),
        bool(percent),
        bool(degrees),
    )


def _may_be_unit(match: re.Match[str], apart: bool) -> bool:
    """Whether bare words may be a unit: 12 dogs and 12cm, but 3xy and 3 xy are products."""
    for word in (match["word"] or "").split():
        known = normal(word) in SYNONYMS.values() or normal(word) in NEUTRAL
        if not known and (not apart or not re.search(r"[aeiou]", word.lower()) or len(word) < 3):
            return False
    return True


def meaningful(phrase: str) -> bool:
    """Whether a word of the phrase says something of the number itself; "5 times" is a count, "5 times x" is not."""
    words = [word.lower().strip(".") for word in phrase.split()]
    return words != ["times"] and any(word in MEANINGFUL or word in FUNCTIONS for word in words)


def _currency(text: str, unit: list[str]) -> str:
    """The text without a currency sign at either end; the sign's name goes to `unit`."""
    match = re.match(r"^(-?)\s*(?:\\?([$€£¥₹])|\\text\{\\?([$€£])\}|Rs\.?)\s*", text)
    if match and len(text) > match.end():
        unit.append(CURRENCY.get(match[2] or match[3], "rupee"))
        text = match[1] + text[match.end() :]
    match = re.search(r"\s*(?:\\?([$€£¥₹¢]))$", text)
    if match and match.start():
        unit.append(CURRENCY.get(match[1], "cent"))
        text = text[: match.start()]
    return text


def _unit_words(match: re.Match[str]) -> list[str]:
    words = [
        normal(word)
        for word in re.findall(r"[a-zA-Z¢]+(?:\.[a-zA-Z]\b)?", match["text"] or match["word"] or "")
    ]
    if (
        len(words) > 1
        and words[0] == "inch"
        and re.match(r"\s*in\s", match["text"] or match["word"] or "")
    ):
        words = words[1:]  # 12 in total
    power = (match["power"] or "").strip("^{} ")
    for name, parts in RATES.items():
        if all(part in words for part in parts):
            words = [name, *[word for word in words if word not in parts]]
    for name in ("square", "cubic"):
        if name in words:
            words.remove(name)
            power = "2" if name == "square" else "3"
    return [
        word + power if power and word not in NEUTRAL and i == 0 else word
        for i, word in enumerate(words)
    ]


def normal(word: str) -> str:
    """A unit's short name, in the singular: feet and ft are ft, apples apple."""
    word = word.lower().strip(".")
    if word in SYNONYMS:
        return SYNONYMS[word]
    singular = re.sub(r"(?<=[^s])s$", "", word)
    return SYNONYMS.get(singular, singular)


def same_unit(first: tuple[str, ...], second: tuple[str, ...], required: bool) -> bool:
    """Whether the units agree; a missing one agrees with any unless units are required."""
    if required:
        return first == second
    return set(first) <= set(second) or set(second) <= set(first)


def number_word(text: str) -> int | None:
    """The value of a number written in words up to a hundred, or None: "twenty-one" is 21."""
    words = re.split(r"[\s-]+", re.sub(r"\\text\{([^{}]*)\}", r"\1", text).strip().lower())
    if not 1 <= len(words) <= 2 or any(word not in WORDS for word in words):
        return None
    values = [WORDS[word] for word in words]
    if len(values) == 1:
        return values[0]
    if values[1] == 100 and 1 <= values[0] <= 9:
        return values[0] * 100
    return sum(values) if 20 <= values[0] <= 90 and 1 <= values[1] <= 9 else None
