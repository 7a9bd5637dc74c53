"""The order of the rules: the same text, a choice, then the shapes and their leaves."""

from ei.checker.answer.choices import choice_of, is_choice
from ei.checker.answer.reading import Reading, answer_key, read, word_key
from ei.checker.compare.leaves import ALGEBRA, EXACT, PRECISE, RULE_NAMES, Leaves, NeedsMore
from ei.checker.compare.shapes import equal
from ei.checker.settings import Settings, Verdict


def exact_rules(reference: str, answer: str, settings: Settings) -> Verdict | None:
    """The verdict of the exact rules, or None where more is needed."""
    return decide(reference, answer, settings, EXACT)


def precise_rules(reference: str, answer: str, settings: Settings) -> Verdict | None:
    """The verdict with values to many digits, or None where algebra is needed."""
    return decide(reference, answer, settings, PRECISE)


def all_rules(reference: str, answer: str, settings: Settings) -> Verdict | None:
    """The verdict with all rule sets."""
    return decide(reference, answer, settings, ALGEBRA)


def decide(reference: str, answer: str, settings: Settings, level: int) -> Verdict | None:
    """The verdict on a pair, or None where a rule set beyond `level` must decide."""
    limit = settings.max_chars
    same = answer_key(reference[:limit]) == answer_key(answer[:limit])
    if not answer.strip() or not reference.strip():
        return Verdict("unparsable", "empty", answer[:limit])
    if len(answer) <= limit and " ".join(reference.split()) == " ".join(answer.split()):
        return Verdict("correct", "string", answer, same_string=True)
    if is_choice(reference):
        return _choice(reference, answer, limit, same)
    ref, ans = read(reference, limit), read(answer, limit)
    if ans.node.kind in ("long", "empty") or ref.node.kind in ("long", "empty"):
        return Verdict("unparsable", ans.why or ref.why, ans.shown, same_string=same)
    leaves = Leaves(settings, level)
    try:
        status, rule = compared(ref, ans, leaves)
    except NeedsMore:
        return None
    same = same or answer_key(reference) == answer_key(ans.shown)
    return Verdict(status, rule, ans.shown, same_string=same)


def _choice(reference: str, answer: str, limit: int, same: bool) -> Verdict:
    """A letter is right where it is the one that the answer chooses."""
    found = choice_of(answer)
    status = "correct" if found and found == is_choice(reference) else "wrong"
    return Verdict(status, "choice", (found or answer)[:limit], same_string=same)


def compared(ref: Reading, ans: Reading, leaves: Leaves) -> tuple[str, str]:
    """The status, and the rule that decided: the shapes, and what decided their leaves."""
    if ref.node.kind == "words" or ans.node.kind == "words":
        said = ans.node.key if ans.node.kind == "words" else word_key(ans.shown)
        if ref.node.kind == "words" and ref.node.key == said:
            return "correct", "words"
        unread = ans.node.kind == "words" and ref.node.kind != "words"
        return ("unparsable" if unread else "wrong"), _shapes(ref, ans)
    result = equal(ref.node, ans.node, leaves)
    how = [name for name in ("base", "percent", "units", *RULE_NAMES[1:]) if name in leaves.used]
    shapes = _shapes(ref, ans)
    if shapes == "value" and not how:
        how = [RULE_NAMES[EXACT]]
    rule = f"{shapes}: {', '.join(how)}" if how else shapes
    if result:
        return "correct", rule
    return ("unparsable" if "undecided" in leaves.used else "wrong"), rule


def _shapes(ref: Reading, ans: Reading) -> str:
    first, second = ref.node.kind, ans.node.kind
    return first if first == second else f"{first}/{second}"
