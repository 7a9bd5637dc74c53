"""From a response to the text of its answer: what stands between the tags, or in the last box.

The form is a setting. By default only the tags count: the prompt ends with an open `<think>`, so a
response counts when it holds `</think> <answer>` and, after it, `</answer>`. Sampling stops at the
first `</answer>`, so that is the one that closes. A model that opens the tag again starts its
answer again: what counts lies after the last `<answer>` before the close. Of a response in boxes,
as other prompts ask for, the last box counts.

This is the only work on a response outside a worker. It finds substrings, which takes time in
proportion to the text, so it needs no limit.
"""

from ei.checker.answer.boxes import last_box

THINK, OPEN, CLOSE = "</think>", "<answer>", "</answer>"
FORMS = {  # each form as a person writes it
    "answer": "</think> <answer> ... </answer>",
    "boxed": "\\boxed{...}",
    "any": "</think> <answer> ... </answer> or \\boxed{...}",
}


def answer_text(response: str, tag_space: str, form: str = "answer") -> str | None:
    """The text of the answer, stripped, or None where the response has not the form.

    `form` is one of FORMS: the tags (answer), the last box (boxed), or the tags and, where there
    are none, the last box (any).
    """
    found = None if form == "boxed" else _between_tags(response, tag_space)
    return last_box(response) if found is None and form != "answer" else found


def _between_tags(response: str, tag_space: str) -> str | None:
    start = _opening(response, tag_space)
    close = response.find(CLOSE, start) if start >= 0 else -1
    if close < 0:
        return None
    start = response.rfind(OPEN, 0, close) + len(OPEN)
    return response[start:close].strip()


def _opening(response: str, tag_space: str) -> int:
    """The index after the first `</think> <answer>`, or -1."""
    if tag_space == "one":
        at = response.find(f"{THINK} {OPEN}")
        return at if at < 0 else at + len(f"{THINK} {OPEN}")
    at = before = response.find(OPEN)
    while at >= 0:  # white space alone lies between, so nothing before the last tag is looked at
        think = response.rfind(THINK, 0 if at == before else before, at)
        if think >= 0 and not response[think + len(THINK) : at].strip():
            return at + len(OPEN)
        before, at = at, response.find(OPEN, at + 1)
    return -1
