"""From a response to the text of its answer: the tags, and nothing else.

The prompt ends with an open `<think>`, so a response counts when it holds `</think> <answer>` and, after it,
`</answer>`. Sampling stops at the first `</answer>`, so that is the one that closes. A model that opens the tag
again starts its answer again: what counts lies after the last `<answer>` before the close.
"""

import re

OPENING = {"one": re.compile(r"</think> <answer>"), "any": re.compile(r"</think>\s*<answer>")}


def answer_text(response: str, tag_space: str) -> str | None:
    """The stripped text between the tags, or None where the response has not the form."""
    opening = OPENING[tag_space].search(response)
    if opening is None:
        return None
    close = response.find("</answer>", opening.end())
    if close < 0:
        return None
    start = response.rfind("<answer>", 0, close) + len("<answer>")
    return response[start:close].strip()
