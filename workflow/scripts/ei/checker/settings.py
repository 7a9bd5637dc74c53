"""Limits and policies of the checker: what is a setting, and its default."""

from dataclasses import dataclass

from ei.stage import setting


@dataclass(frozen=True)
class Settings:
    """Everything that a verdict depends on besides the pair; docs/checker.md has examples."""

    timeout_s: float = setting(
        2.0, "processor seconds of one comparison; then its process is ended"
    )
    max_chars: int = setting(2000, "longest answer, after unwrapping a box, that is parsed")
    memory_mb: int = setting(900, "address space of a worker in MiB; sympy alone needs about 200")
    tag_space: str = setting(
        "one", "between </think> and <answer>: one space, or any white space", ("one", "any")
    )
    form: str = setting(
        "answer",
        "where the answer stands: between the tags (answer), in the last box (boxed), or in the"
        " last box where there are no tags (any)",
        ("answer", "boxed", "any"),
    )
    list_order: str = setting(
        "any", "whether the values of a bare list, 1, 2, may come in any order", ("any", "same")
    )
    percent: str = setting(
        "optional",
        "28%% equals 28 and 0.28 (optional), only 0.28 (value), or only 28%% (required)",
        ("optional", "value", "required"),
    )
    units: str = setting(
        "optional", "whether an answer may lack the reference's unit", ("optional", "required")
    )
    base: str = setting(
        "required", "whether 101 may stand for 101_2 (optional) or not", ("required", "optional")
    )
    tolerance: float = setting(0.0, "relative difference that decimals may have; 0 is exact")
    reward: str | None = setting(
        None, "your own reward, path/to/file.py:function, in place of these rules"
    )


@dataclass(frozen=True)
class Verdict:
    """What the checker says of one response, and the rule that decided."""

    status: str  # one of ei.schema.STATUSES
    rule: str
    extracted: str | None = None
    milliseconds: float = 0.0  # processor time
    same_string: bool = False  # a second opinion: the normalised strings are equal
    reward: float | None = None  # of a user's own function; else 1 where the status is "correct"
