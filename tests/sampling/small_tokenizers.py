"""Tokenizers of single letters, made in memory, with whatever special tokens a test is about."""

from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

SPECIAL = ("<s>", "</s>", "<|end|>")
# As the templates of chat models are: BOS, then each message with its role.
CHAT = (
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def letters(around: str = "$A", special: tuple[str, ...] = SPECIAL, chat: str | None = None) -> Any:
    """A tokenizer of the printable ASCII characters; `around` says what it adds to a text.

    "<s> $A </s>" adds BOS and EOS.
    """
    vocabulary = {chr(code): code - 32 for code in range(32, 127)}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    core.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    core.decoder = decoders.Fuse()
    core.add_special_tokens([AddedToken(text, special=True) for text in special])
    pairs = [(text, core.token_to_id(text)) for text in special]
    core.post_processor = processors.TemplateProcessing(single=around, special_tokens=pairs)
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", chat_template=chat
    )
