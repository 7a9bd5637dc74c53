"""What a value counts or measures: units with their powers, and counted things in words.

A unit is a tuple of (name, power), sorted by name: (("km", 1), ("h", -1)) for km/h. A counted thing
has power 0, since "12 red apples" is neither more nor less than "12 apples".
"""

from ei.checker.parse.vocabulary import DENIALS, HEDGES, NEUTRAL, words

Unit = tuple[tuple[str, int], ...]
NAMES = {
    name: unit
    for unit, names in {
        "mm": "millimeter millimetre", "cm": "centimeter centimetre", "m": "meter metre",
        "km": "kilometer kilometre", "inch": "in inche", "ft": "foot feet", "yd": "yard",
        "mi": "mile", "kg": "kilogram kilo", "g": "gram gm", "mg": "milligram", "lb": "pound",
        "oz": "ounce", "L": "liter litre l", "mL": "milliliter millilitre ml", "s": "second sec",
        "min": "minute", "h": "hour hr", "day": "", "week": "wk", "month": "", "year": "yr",
        "dollar": "usd buck", "cent": "", "euro": "eur", "gbp": "", "yen": "jpy", "rupee": "rs inr",
        "mph": "", "kph": "kmh kmph", "rad": "radian", "gal": "gallon", "ton": "tonne",
        "acre": "", "hectare": "ha", "quart": "qt", "pint": "pt", "cup": "", "mm Hg": "",
        "celsius": "", "fahrenheit": "", "kelvin": "", "N": "newton", "J": "joule", "W": "watt",
        "kW": "kilowatt", "kWh": "kwh", "V": "volt", "A": "amp ampere", "Hz": "hertz", "bit": "",
        "Pa": "pascal", "kJ": "kilojoule", "mol": "mole", "C": "coulomb", "F": "farad", "K": "",
        "byte": "", "kB": "kb kilobyte", "MB": "mb megabyte", "GB": "gb gigabyte", "unit": "",
        "people": "person", "men": "man", "women": "woman", "children": "child", "mice": "mouse",
        "fish": "", "sheep": "", "deer": "", "teeth": "tooth", "geese": "goose",
        "loaf": "loaves", "leaf": "leaves", "knife": "knives", "die": "dice", "staff": "",
        "money": "", "water": "", "milk": "", "data": "", "ppm": "", "dB": "decibel",
    }.items()
    for name in (unit, *names.split())
}  # fmt: skip
COUNTED = words(
    "people men women children mice fish sheep deer teeth geese loaf leaf knife die staff unit bit"
    " byte cent money water milk data"
)
RATES = {"mph": (("mi", 1), ("h", -1)), "kph": (("km", 1), ("h", -1))}
POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
RAISED = {"squared": 2, "cubed": 3}
CURRENCY = {
    "$": "dollar", "€": "euro", "£": "gbp", "¥": "yen", "₹": "rupee", "¢": "cent",
    "USD": "dollar", "EUR": "euro", "GBP": "gbp", "Rs": "rupee", "INR": "rupee"
}  # fmt: skip
SHORT = frozenset(
    ["m", "g", "s", "h", "L", "l", "K", "J", "N", "W", "V", "A", "C", "F"]
)  # a letter, so one only after a space
LENGTHS = words("mm cm m km inch ft yd mi")


def unit_name(word: str) -> str | None:
    """The short name of a unit, or None: "feet" and "ft" are "ft", "Meters" is "m"."""
    for form in (
        word,
        word.lower(),
        word.lower().removesuffix("s"),
        word.lower().removesuffix("es"),
    ):
        if form in NAMES and not (form in SHORT and len(word) > 1):
            return NAMES[form]
    return None


def is_thing(word: str) -> bool:
    """Whether the word may name what is counted: a plural that denies, hedges or counts nothing."""
    low = word.lower()
    if low in DENIALS or low in HEDGES or not low.isalpha():
        return False
    return len(low) >= 4 and low.endswith("s") and not low.endswith("ss") and low not in NEVER


def describes(word: str) -> bool:
    """Whether the word may stand before a counted thing: "red" apples, "different" ways."""
    low = word.lower()
    return low.isalpha() and low not in DENIALS and low not in HEDGES and low not in NEVER


NEVER = words(
    "times plus minus squares cubes powers roots minuses is was has does versus thus as this its"
    " yes vs per and of by x to mod modulo th st nd rd pi e base factorial squared cubed divided"
    " multiplied choose twice double triple half third quarter percent negative positive because"
    " since where when that which who so then hence therefore but with without for a an the"
    " remainder plus degrees degree it if my we he she"
)


def thing(word: str) -> tuple[str, int]:
    """A counted thing in the singular, with power 0."""
    low = word.lower()
    name = NAMES.get(low) or NAMES.get(low.removesuffix("s"))
    return (name or low.removesuffix("s"), 0)


def same_unit(first: Unit, second: Unit, required: bool) -> bool:
    """Whether two units agree; a missing one agrees with any unless units are required."""
    if required:
        return first == second
    measured = [tuple(part for part in unit if part[1]) for unit in (first, second)]
    counted = [{name for name, power in unit if not power} for unit in (first, second)]
    if measured[0] and measured[1] and not _same_measure(*measured):
        return False
    if measured[0] and measured[1]:
        return True
    if counted[0] and counted[1]:
        return counted[0] <= counted[1] or counted[1] <= counted[0]
    return not ((measured[0] and counted[1]) or (measured[1] and counted[0]))


def _same_measure(first: Unit, second: Unit) -> bool:
    """Whether the units are equal; "units" stand for any of the same power."""
    if first == second:
        return True
    generic = any(part[0] == "unit" for part in (*first, *second))
    powers = [sorted(power for _, power in unit) for unit in (first, second)]
    return generic and powers[0] == powers[1]


def normal(parts: list[tuple[str, int]]) -> Unit:
    """The unit with rates written out, equal names joined, and sorted."""
    found: dict[str, int] = {}
    for name, power in parts:
        for base, exponent in RATES.get(name, ((name, 1),)) if power else ((name, 0),):
            found[base] = found.get(base, 0) + (exponent * power if power else 0)
    kept = [(name, power) for name, power in found.items() if power or (name, 0) in parts]
    return tuple(sorted((n, p) for n, p in kept if n not in NEUTRAL))
