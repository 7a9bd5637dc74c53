r"""From the text between the tags to the one candidate that is compared.

A `\boxed{}` wins: the last one, or the last few that only "and", "or" or commas join. Else what follows "the answer
is". Else, where the text is a sentence, what follows its verb, or its only number or formula. No other number in a
text is ever picked: a sentence with two candidates is no answer.
"""

import re

from ei.checker.answer.spelling import TEXT, closing

BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)|\\boxed\s*(?=[\d\\])")
BETWEEN = re.compile(
    r"(?:^|.*(?:[,;]|(?<![a-zA-Z])(?:and|or)))[\s$,;.{}\[\]]*"
    r"(?:\\[()\[\]{}]|\\quad|\\qquad|\\text|[\s$]|[a-zA-Z]\w*(?:_\{?\w+\}?)?\s*=)*$",
    re.S,
)
NEAR = 70  # characters that may lie between joined boxes
AFTER_BOX = re.compile(r"^[\s$\\)\]}]*((?:\\?%|percent|thousand|million|billion|trillion)\b|\\?%)")
TAGS = re.compile(
    r"</?(?:p|br|div|span|b|i|u|strong|em|solution|answer|result|final|think|center|code|li|ul|h[1-6])\b[^<>]{0,80}/?>"
    r"|</>|</?s>"
)
NOISE = re.compile(
    r"<\|.*$|\\(?:begin|end)\{(?:answer|center|solution)\}|\*\*|__|I hope (?:it|this) is correct\.?|^```\w*|```$",
    re.S,
)
MARKER = re.compile(
    r"(?:\b(?:final|correct|my|the)?\s*(?:answer|result|solution)\b\**"
    r"(?:\s*(?:is|are|would be|will be|equals|was)\b|\s*:|\s*(?=\$|\\[\[(]))"
    r"(?:\s*(?:that|therefore|thus|then|equal to))?|####)\s*:?\s*",
    re.I,
)
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\\$<(])|\s+(?=(?:So|Therefore|Thus|Hence)\b)|\n\s*\n")
SENTENCE_END = re.compile(r"\.(?:\s|$)|\n|!(?:\s+[A-Z])")
VERB = re.compile(
    r"(?<![a-zA-Z\\])(?:is|are|equals?|be|was|were|gives?|get|have|has|by|becomes|obtain|at|finds?|found|yields?|so|thus|therefore|hence)(?![a-zA-Z])\s*[:,]?\s*|:\s+"
)
WORD = re.compile(r"(?<![a-zA-Z\\{])(?:[a-zA-Z]{2,}|I)(?![a-zA-Z])")
MATH = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.S)
NUMERAL = re.compile(r"(?<![\w.])-?\\?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?%?(?![\w])")
PLAIN_WORDS = {"and", "or", "sqrt", "pi", "sin", "cos", "tan", "log", "ln", "cm", "mm", "km", "ft", "kg", "mph", "mi",
               "inf", "oo", "infty"}  # fmt: skip
HEDGES = re.compile(
    r"(?<![a-zA-Z])(?:not|or|less|more|least|most|than|between|about|approximately|around|except|wrong|incorrect|cannot"
    r"|n't|never|maybe|perhaps|either|neither|nor|unless|if|assume|suppose|guess|chose|half|option|step|part|chapter"
    r"|million|thousand|billion|hundred|dozen|remainder|times|twice|minus|negative|question|problem)(?![a-zA-Z])|\?",
    re.I,
)
WHOLE_TEXT = re.compile(r"^\s*\$?\\text\{([^{}]*)\}\$?\s*$")
COUNTED = re.compile(
    r"^\s*(?:\$[^$]*\$+|\\\(.*?\\\)|[-\d.,/$\\%]+)\s*[a-zA-Z]+(?:[\s.]+[a-zA-Z]+){0,7}[\s.]*$"
)
UNDELIMITED = re.compile(r"\\[a-zA-Z]|[\^_=<>√π+*]|\s[-/]\s")  # the number may be part of a formula
LONGEST_SENTENCE = 600  # characters; a longer one is no statement of an answer


def candidate(text: str) -> str:
    """The text that is compared with the reference."""
    text = NOISE.sub(" ", TAGS.sub(" ", text)).strip()
    boxed = boxes(text)
    if boxed is not None:
        return boxed
    if match := re.fullmatch(r"<\s*([^<>]+?)\s*>", text):
        text = match[1]
    text = WHOLE_TEXT.sub(r"\1", text)
    return stated(text) if is_prose(text) else text


def boxed_only(text: str) -> str:
    """The same of a reference, which is never prose: its boxes, or all of it."""
    found = boxes(text)
    return text if found is None else found


def boxes(text: str) -> str | None:
    """The contents of the last box, or of the last few that are joined; None where there is no box."""
    found: list[tuple[int, int, str]] = []
    for match in BOX.finditer(text):
        if not found or match.start() >= found[-1][1]:
            found.append(_box(text, match.start(), match.end()))
    if not found:
        return None
    chosen = [found[-1]]
    for box in reversed(found[:-1]):
        between = text[box[1] : chosen[0][0]]
        if len(between) > NEAR or not BETWEEN.match(between):
            break
        chosen.insert(0, box)
    contents = list(dict.fromkeys(content for _, _, content in chosen))
    after = AFTER_BOX.match(text[chosen[-1][1] : chosen[-1][1] + 30])
    return ", ".join(contents) + (f" {after[1]}" if after else "")


def _box(text: str, start: int, opening: int) -> tuple[int, int, str]:
    """Where a box starts and ends, and what it holds; one that never closes holds the rest."""
    if text[opening] != "{":
        match = re.match(r"\d+|\\?\w+", text[opening:])
        content = match[0] if match else ""
        return start, opening + len(content), content
    end = closing(text, opening)
    if end is None:
        return start, len(text), text[opening + 1 :]
    inner = text[opening + 1 : end].strip()
    nested = boxes(inner)
    return start, end + 1, inner if nested is None else nested


def is_prose(text: str) -> bool:
    """Whether the text has words that make it a statement rather than an answer."""
    outside = TEXT.sub(" ", MATH.sub(" 0 ", text))
    if COUNTED.match(text) and not VERB.search(outside):
        return False  # 55 miles per hour
    words = [word for word in WORD.findall(outside) if word.lower() not in PLAIN_WORDS]
    return (
        len(words) >= 2
        or text.startswith("####")
        or bool(words and (MARKER.search(text) or VERB.search(outside) or MATH.search(text)))
    )


def stated(text: str) -> str:
    """What a statement states, or the statement itself where that is not one thing."""
    markers = list(MARKER.finditer(text))
    if markers:
        rest = text[markers[-1].end() :].strip()
        if rest:
            first = _first_sentence(rest)
            return first if not is_prose(first) else _concluded(first)
    sentences = [s for s in SENTENCE.split(text) if WORD.search(s) or re.search(r"\d", s)]
    return _concluded(sentences[-1].strip()) if sentences else text


def _first_sentence(text: str) -> str:
    """The text up to the end of its first sentence; full stops inside formulas do not count."""
    formulas = [match.span() for match in MATH.finditer(text)]
    for match in SENTENCE_END.finditer(text):
        if text[: match.start()].strip() and not any(
            start < match.start() < end for start, end in formulas
        ):
            return text[: match.start()].strip()
    return text


def _concluded(sentence: str) -> str:
    """What follows the last verb where it is no prose; else the only formula; else the only number."""
    if len(sentence) > LONGEST_SENTENCE:
        return sentence
    flat = MATH.sub(lambda m: m[0].replace(" ", "\0"), sentence)  # verbs are words outside formulas
    verbs = list(VERB.finditer(flat))
    if verbs:
        after = flat[verbs[-1].end() :].replace("\0", " ").strip(" .:*")
        if (
            after
            and re.match(r"[-\d$\\(\[{.]|[a-zA-Z]\s*=", after)
            and not HEDGES.search(MATH.sub(" ", after))
        ):
            numbers = NUMERAL.findall(MATH.sub(" 0 ", after))
            if not is_prose(after):
                return after
            if len(numbers) == 1:
                return _only(after) or after
    if HEDGES.search(MATH.sub(" ", sentence)):
        return sentence
    return _only(sentence) or sentence


def _only(sentence: str) -> str | None:
    """The only formula of the sentence where no number stands outside it, or its only number."""
    formulas = [next(filter(None, groups), "") for groups in MATH.findall(sentence)]
    numbers = NUMERAL.findall(MATH.sub(" ", sentence))
    valued = [f for f in formulas if re.search(r"\d|=|\\pi|\\infty|\\sqrt|[<>]|\\[lg]e", f)]
    if len(formulas) == 1 and not numbers:
        return formulas[0]
    if len(valued) == 1 and not numbers and len(formulas) == 2 and not re.search(r"=", valued[0]):
        return valued[0]
    if len(numbers) == 1 and not valued and re.search(r"[a-zA-Z]{2,}", sentence):
        around = MATH.sub(" ", sentence).replace(numbers[0], " ")
        return None if UNDELIMITED.search(around) else numbers[0].strip(",")
    return None
