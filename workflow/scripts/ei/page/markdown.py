"""The little Markdown of discussion.md as HTML: paragraphs, headings, lists, bold text. All else is shown as it is."""

import html
import re


def parts(markdown: str) -> tuple[str, str]:
    """What stands before the first heading, and what stands under it and the next ones."""
    before, *after = re.split(r"(?m)^#+ .*$", markdown, maxsplit=1)
    return before.strip(), "".join(after).strip()


def to_html(markdown: str) -> str:
    """The text as HTML, every character of it escaped."""
    blocks = [block for block in re.split(r"\n\s*\n", markdown.strip()) if block.strip()]
    return "\n".join(_block(block) for block in blocks)


def _block(block: str) -> str:
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
    text = re.sub(r"(?<=\d) %", "\u00a0%", html.escape(text))  # a line does not end before its %
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
