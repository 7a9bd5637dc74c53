"""The little Markdown of discussion.md as HTML: paragraphs, headings, lists, code, bold text.

Everything else is shown as it is, escaped.
"""

import html
import re


def split_at_heading(markdown: str) -> tuple[str, str]:
    """What stands before the first heading, and what stands below it."""
    before, *below = re.split(r"(?m)^#+ .*$", markdown, maxsplit=1)
    return before.strip(), "".join(below).strip()


def to_html(markdown: str) -> str:
    """The text as HTML; blocks are separated by blank lines."""
    blocks = [block for block in re.split(r"\n\s*\n", markdown.strip()) if block.strip()]
    return "\n".join(_block(block) for block in blocks)


def _block(block: str) -> str:
    """A heading with what follows it, a list, or a paragraph."""
    lines = block.strip().splitlines()
    heading = re.match(r"#+\s+(.*)", lines[0])
    if heading:
        rest = "\n".join(lines[1:])
        return f"<h3>{_inline(heading[1])}</h3>" + (_block(rest) if rest.strip() else "")
    bullets = [number for number, line in enumerate(lines) if re.match(r"\s*[-*]\s", line)]
    if not bullets:
        return f"<p>{_inline(' '.join(lines))}</p>"
    before, items = lines[: bullets[0]], []
    for start, end in zip(bullets, [*bullets[1:], len(lines)], strict=True):
        text = " ".join(line.strip() for line in lines[start:end])
        items.append(f"<li>{_inline(text[1:].strip())}</li>")
    return (f"<p>{_inline(' '.join(before))}</p>" if before else "") + f"<ul>{''.join(items)}</ul>"


def _inline(text: str) -> str:
    """Code and bold text; a no-break space keeps a line from ending before its %."""
    text = re.sub(r"(?<=\d) %", "\u00a0%", html.escape(text))
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
