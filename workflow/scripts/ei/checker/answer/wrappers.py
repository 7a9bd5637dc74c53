"""What stands around an answer and says nothing: markup, emphasis, quotation marks."""

import re

TAG = re.compile(
    r"</?(?:p|br|div|span|b|i|u|strong|em|solution|answer|result|final|think|center|code|li|ul|sub"
    r"|discussion|h[1-6])\b[^<>]{0,80}/?>|</>|</?s>"
)
SPECIAL = "<|"  # begins a token of a tokenizer, and what a model says after its end
FENCE = re.compile(r"^```\w*|```$")
HEADING = re.compile(r"^[ \t]*(?:#{1,6}|>)[ \t]+", re.M)  # ### Final Answer
HASHES = re.compile(r"^[ \t]*####[ \t]*")  # GSM8K's mark before an answer
HOPE = re.compile(r"I hope (?:it|this) is correct\.?")
STARS = re.compile(r"\*{1,3}|__")
CODE = re.compile(r"`{1,3}")
QUOTES = [('"', '"'), ("'", "'"), ("“", "”"), ("‘", "’"), ("«", "»"), ("``", "''"), ("<", ">")]
BEFORE = frozenset(" \t\n([{:,;$>\"'")  # what emphasis may open after
AFTER = frozenset(" \t\n)]}:,;.!?$<\"'")  # what it may close before


def peeled(text: str) -> str:
    """The text without what only wraps it."""
    text = text.partition(SPECIAL)[0]
    if "<" in text:
        text = TAG.sub(" ", text)
    if "#" in text or ">" in text:
        text = HEADING.sub("", HASHES.sub("", text))
    text = FENCE.sub("", HOPE.sub(" ", text).strip())
    if "*" in text or "__" in text:
        text = without_emphasis(text)
    text = unquoted(text.strip())
    return CODE.sub(" ", text).strip() if "`" in text else text


def unquoted(text: str) -> str:
    """The text without quotation marks around the whole of it."""
    for _ in range(4):
        for first, last in QUOTES:
            inner = text[len(first) : -len(last)]
            wrapped = (
                text.startswith(first) and text.endswith(last) and len(text) > len(first + last)
            )
            if wrapped and first not in inner and last not in inner:
                text = inner.strip()
                break
        else:
            return text
    return text


def without_emphasis(text: str) -> str:
    """The text without pairs of stars around words: `**58**` and `*58*`, but not 2**10 or 2*3*4."""
    opened: dict[str, int] = {}
    dropped: list[tuple[int, int]] = []
    for match in STARS.finditer(text):
        mark, start, end = match[0], match.start(), match.end()
        before = text[start - 1] if start else " "
        after = text[end] if end < len(text) else " "
        if mark in opened and before not in " \t\n" and after in AFTER:
            at = opened.pop(mark)
            dropped += [(at, at + len(mark)), (start, end)]
        elif before in BEFORE and after not in " \t\n":
            opened[mark] = start
    kept, at = [], 0
    for start, end in sorted(dropped):
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]])
