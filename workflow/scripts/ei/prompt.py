"""The prompt template: a text with `{question}` in it once, where the question goes."""

from pathlib import Path

from ei.files import read_text
from ei.stage import UserError

FIELD = "{question}"


def read_template(path: Path) -> str:
    """The prompt template; raises UserError unless it contains {question} exactly once."""
    if not path.is_file():
        raise UserError(f"the prompt template {path} does not exist")
    template = read_text(path)
    if template.count(FIELD) != 1:
        raise UserError(f"the prompt template {path} must contain {FIELD} exactly once")
    return template


def with_hint(question: str, answer: str, hint: str | None) -> str:
    """The question with its hint behind it, in which {answer} stands for the reference answer."""
    return question if hint is None else question + hint.replace("{answer}", answer)


def fill(template: str, question: str) -> str:
    """The template with the question in it; other braces in either of them are plain text."""
    return template.replace(FIELD, question)
