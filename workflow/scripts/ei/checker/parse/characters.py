"""What Unicode writes in one sign and LaTeX in several: one table, applied in one pass."""

import re

INVISIBLE = [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, 0xAD]
CONTROL = [*(c for c in range(0x20) if c != 0x0A), *range(0x7F, 0xA0)]
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n", strict=True))
SUBSCRIPTS = {chr(0x2080 + digit): str(digit) for digit in range(10)}
SYMBOLS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "－": "-", "×": r"\times ",
    "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "•": r"\cdot ", "÷": r"\div ", "∕": "/",
    "⁄": "/", "∞": r"\infty ", "π": r"\pi ", "≤": r"\le ", "≥": r"\ge ", "⩽": r"\le ",
    "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "≅": r"\cong ", "≡": r"\equiv ", "∼": r"\sim ",
    "±": r"\pm ", "∓": r"\mp ", "∪": r"\cup ", "∩": r"\cap ", "∖": r"\setminus ", "∈": r"\in ",
    "∅": r"\emptyset ", "°": r"^\circ ", "º": r"^\circ ", "θ": r"\theta ", "α": r"\alpha ",
    "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "ε": r"\epsilon ", "λ": r"\lambda ",
    "μ": r"\mu ", "ρ": r"\rho ", "σ": r"\sigma ", "τ": r"\tau ", "φ": r"\phi ", "ψ": r"\psi ",
    "ω": r"\omega ", "Δ": r"\Delta ", "Ω": r"\Omega ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}",
    "ℕ": r"\mathbb{N}", "∠": r"\angle ", "△": r"\triangle ", "½": r"\frac{1}{2}",
    "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}",
    "⅛": r"\frac{1}{8}", "⅜": r"\frac{3}{8}", "⅝": r"\frac{5}{8}", "⅞": r"\frac{7}{8}",
    "⅕": r"\frac{1}{5}", "⅙": r"\frac{1}{6}", "√": r" sqrt", "∛": r" cbrt", "∜": r" fourthroot",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "∑": r"\sum ",
    "∏": r"\prod ", "∫": r"\int ", "→": r"\to ", "⇒": r"\Rightarrow ", "⟹": r"\Rightarrow ",
    "∴": r"\therefore ", "∵": r"\because ", "（": "(", "）": ")", "，": ", ", "、": ", ",
    "。": ". ",     "：": ":", "；": ";", "＝": "=", "＋": "+",
    "％": "%", "！": "!", "＜": "<", "＞": ">",
    "／": "/",     "’": "'", "‘": "'", "“": '"', "”": '"',
    "«": '"', "»": '"', "„": '"', "′": "'", "″": "''",
    "…": r"\ldots ", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u3000": " ", "✅": " ",
    "✓": " ", "✔": " ", "🎯": " ", "👉": " ", "📌": " ", "📝": " ", "💡": " ", "\ufe0f": "",
    **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
}  # fmt: skip
TABLE = str.maketrans({**dict.fromkeys(INVISIBLE, ""), **dict.fromkeys(CONTROL, " "), **SYMBOLS})
RAISED = re.compile(f"[{''.join(SUPERSCRIPTS)}]+")  # 10²³
LOWERED = re.compile(f"[{''.join(SUBSCRIPTS)}]+")  # x₁₂


def plain_characters(text: str) -> str:
    """The same text with ASCII and LaTeX commands for what Unicode has signs for."""
    if text.isascii() and text.isprintable():
        return text
    text = RAISED.sub(lambda m: "^{" + "".join(SUPERSCRIPTS[c] for c in m[0]) + "}", text)
    text = LOWERED.sub(lambda m: "_{" + "".join(SUBSCRIPTS[c] for c in m[0]) + "}", text)
    return text.translate(TABLE)
