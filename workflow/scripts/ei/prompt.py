"""What a question is put into: a text that the policy continues, or the messages of a chat.

A text file has {question} in it once. A YAML file has the messages `user`, with {question} in it,
and where they are wanted `system` and `assistant`; the policy continues the assistant's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ei.files import read_text
from ei.runs.strict import read_yaml
from ei.stage import UserError

FIELD = "{question}"
CHAT = (".yaml", ".yml")
SHORT = {"chat": "workflow/prompts/chat.yaml"}  # what config.yaml may say in the place of a file
ROLES = ("system", "user", "assistant")  # in the order of a chat
Ids = list[int]


@dataclass(frozen=True)
class Template:
    """`asks` is the text with {question} in it: the whole prompt, or what the user of a chat says.

    Of a chat, `system` comes before (None: nothing), and the response continues `opening`.
    """

    asks: str
    chat: bool = False
    system: str | None = None
    opening: str = ""

    @property
    def ending(self) -> str:
        """The text that a response continues."""
        return self.opening if self.chat else self.asks


def read_template(path: Path) -> Template:
    """The prompt template; raises UserError unless it contains {question} exactly once."""
    if not path.is_file():
        raise UserError(f"the prompt template {path} does not exist")
    template = chat_from(path) if path.suffix in CHAT else Template(read_text(path))
    if template.asks.count(FIELD) != 1:
        where = "under `user` " if template.chat else ""
        raise UserError(f"the prompt template {path} must contain {FIELD} {where}exactly once")
    return template


def with_hint(question: str, answer: str, hint: str | None) -> str:
    """The question with its hint behind it, in which {answer} stands for the reference answer."""
    return question if hint is None else question + hint.replace("{answer}", answer)


def chat_from(path: Path) -> Template:
    """The messages of a YAML file; raises UserError for other keys, and for what is no text."""
    found = read_yaml(path)
    unknown = [str(key) for key in found if key not in ROLES]
    if unknown:
        raise UserError(f"the prompt template {path} has {unknown[0]!r}; it may have {list(ROLES)}")
    for role, text in found.items():
        if not isinstance(text, str):
            raise UserError(f"the prompt template {path} needs a text under {role!r}")
    return Template(
        found.get("user", ""), True, found.get("system"), found.get("assistant", "").rstrip("\n")
    )


def fill(template: Template, question: str) -> str:
    """`asks` with the question in it; other braces in either of them are plain text."""
    return template.asks.replace(FIELD, question)


def prompt_ids(template: Template, question: str, tokenizer: Any) -> Ids:
    """The ids of the prompt, tokenized once; every stage gets a question's prompt from here."""
    if template.chat:
        # A chat template writes all special tokens itself.
        text = chat_text(template, question, tokenizer)
        found: Ids = tokenizer(text, add_special_tokens=False).input_ids
        return found
    text = fill(template, question)
    found, bare = (tokenizer(text, add_special_tokens=added).input_ids for added in (True, False))
    return continuable(found, bare)


def chat_text(template: Template, question: str, tokenizer: Any) -> str:
    """The chat in the tokenizer's own form, up to where the response begins.

    Some chat templates begin the response themselves, say with <think>; an `opening` that is there
    already is not written twice.
    """
    refuse_without_chat(tokenizer)
    said = [("system", template.system), ("user", fill(template, question))]
    messages = [{"role": role, "content": text} for role, text in said if text is not None]
    try:
        text: str = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
    except Exception as error:  # a chat template is a program, which raises whatever it likes
        raise UserError(
            f"the model's chat template refuses this prompt ({error}); some take no `system` text"
        ) from None
    opening = template.opening
    return text if opening and text.rstrip().endswith(opening.strip()) else text + opening


def turn_ends(template: Template, tokenizer: Any) -> Ids:
    """The special token that ends a turn in the model's chat; none where the prompt is no chat.

    The end ids of a base model often lack it, though its chat template writes it.
    """
    if not template.chat:
        return []
    answer = "an answer"
    chat = [{"role": "user", "content": "a question"}, {"role": "assistant", "content": answer}]
    try:
        text: str = tokenizer.apply_chat_template(chat, tokenize=False)
    except Exception:  # a program again, which need not write an answer's end
        return []
    ids = tokenizer(text.rpartition(answer)[2], add_special_tokens=False).input_ids
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    return [one for one in ids if one in special][:1]


def has_chat(tokenizer: Any) -> bool:
    """Whether the model has a chat template."""
    return bool(getattr(tokenizer, "chat_template", None))


def refuse_without_chat(tokenizer: Any) -> None:
    """Raise UserError where the model has no chat template."""
    if not has_chat(tokenizer):
        raise UserError(
            "the prompt is a chat, and the model's tokenizer has no chat template; use a prompt"
            " that is a text, such as workflow/prompts/r1_zero.txt"
        )


def continuable(ids: Ids, bare: Ids) -> Ids:
    """The `ids` of a text, less what would keep a policy from continuing it.

    That is what the tokenizer adds at the end, as an end-of-text token, and what it adds at the
    start where the text already begins with that. `bare` are the ids without what it adds.
    """
    spare = len(ids) - len(bare)
    start = next((k for k in range(spare + 1) if ids[k : k + len(bare)] == bare), None)
    if start is None:  # it treats the text itself otherwise, so nothing is known to be added
        return ids
    return bare if bare[:start] == ids[:start] else ids[:start] + bare
