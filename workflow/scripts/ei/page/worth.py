"""Which questions are worth a look, and why: what a reader would search thousands of them for."""

from typing import Any

import polars as pl

# What makes a question worth a look, in the order in which the page names it.
KINDS = {
    "first": "Solved for the first time",
    "lost": "Lost again",
    "disputed": "The right answer, and no reward",
    "rare": "Right in a rare way",
    "hinted": "Solved with a hint",
}
MARKS = ("disputed", "rare", "hinted")  # those that a single response has
AROUND = (("\\boxed{", "}"), ("<answer>", "</answer>"), ("<answer> ", " </answer>"))
RARE = 0.05  # a way is rare that so few of the correct responses take
EXAMPLES = 3  # questions of each kind that the page names
SNIPPET = 160  # characters of a question


def disputed() -> pl.Expr:
    """Whether the reference stands in the response and yet there is no reward.

    The strict judge asks for the form, and for the value; the other one only looks whether the very
    text of the reference is boxed, tagged, or extracted.
    """
    answer, response = pl.col("answer"), pl.col("response")
    texts = [pl.concat_str(pl.lit(before), answer, pl.lit(after)) for before, after in AROUND]
    given = pl.any_horizontal(response.str.contains(text, literal=True) for text in texts)
    in_no_form = (pl.col("status") == "no_format") & given
    as_it_is = pl.col("status").is_in(["wrong", "unparsable"]) & (pl.col("extracted") == answer)
    return ((answer != "") & (in_no_form | as_it_is)).fill_null(False)


def rare(responses: pl.DataFrame) -> pl.Series:
    """Whether a response is correct by a rule of the checker by which few others are."""
    correct = (responses["status"] == "correct").fill_null(False)
    by_rule = responses.filter(correct).group_by("rule").agg(pl.len().alias("count"))
    few = by_rule.filter(pl.col("count") <= RARE * int(correct.sum()))["rule"]
    return correct & responses["rule"].is_in(few.drop_nulls().to_list()).fill_null(False)


def steps_of(index: dict[str, Any], kind: str, question: int) -> list[int]:
    """The steps at which the question is worth a look for this reason.

    That the base policy, or the first step that asked it, solved a question is none.
    """
    if kind != "first":
        return list(index[kind][question])
    asked = [
        step for step, codes in zip(index["steps"], index["codes"][question], strict=True) if codes
    ]
    first = index["first"][question]
    return [first] if first is not None and first != asked[0] else []


def groups(name: str, index: dict[str, Any]) -> list[dict[str, Any]]:
    """Title, number and examples of the questions of each kind that a source has.

    The examples are from the latest step that has any; each links to its question at that step.
    """
    found = []
    for kind, title in KINDS.items():
        steps = {q: steps_of(index, kind, q) for q in range(len(index["id"]))}
        steps = {q: at for q, at in steps.items() if at}
        if not steps:
            continue
        latest = max(max(at) for at in steps.values())
        chosen = [q for q, at in steps.items() if latest in at]
        examples = [
            {
                "address": f"#rollouts/{name}/{index['id'][q]}/{latest}",
                "text": index["question"][q][:SNIPPET],
            }
            for q in chosen[:EXAMPLES]
        ]
        found.append({"title": title, "count": len(steps), "step": latest, "examples": examples})
    return found
