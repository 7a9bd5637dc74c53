// Text with TeX in it, shown as text with formulas. No part of the text ever becomes HTML: text
// goes into text nodes, and formulas are MathML that Temml builds (links, images and styles of TeX
// are off by its default).

const LONGEST = 4000; // characters of a formula; longer ones are a model rambling, and stay source

const ENVIRONMENTS = "equation|align|gather|multline|cases|array|[pbvBV]?matrix";
const OPENINGS = new RegExp(
  String.raw`\$\$|\\\[|\\\(|\$|\\boxed\s*\{|\\begin\{(${ENVIRONMENTS})(\*?)\}`,
  "g",
);

// The index of the brace that closes the one at `start`, or -1.
function closingBrace(text, start) {
  let depth = 0;
  for (let i = start; i < text.length && i < start + LONGEST; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  return -1;
}

// The formula that starts at an opening: {tex, end, display}; null if it never closes or is none.
function formulaAt(text, match) {
  const [opening] = match;
  const start = match.index + opening.length;
  const until = (closing, display) => {
    const at = text.indexOf(closing, start);
    if (at < 0 || at - start > LONGEST || !text.slice(start, at).trim()) return null;
    return { tex: text.slice(start, at), end: at + closing.length, display };
  };
  if (opening === "$$") return until("$$", true);
  if (opening === "\\[") return until("\\]", true);
  if (opening === "\\(") return until("\\)", false);
  if (opening === "$") return dollars(text, start);
  if (opening.startsWith("\\boxed")) {
    const at = closingBrace(text, start - 1);
    return at < 0 ? null : { tex: text.slice(match.index, at + 1), end: at + 1, display: false };
  }
  const found = until(`\\end{${match[1]}${match[2]}}`, true);
  return found && { ...found, tex: text.slice(match.index, found.end) };
}

// $...$ within a paragraph, without a space inside the dollar signs. If it starts with a digit,
// none may follow it: otherwise "$5 or$6" would be a formula.
function dollars(text, start) {
  for (
    let at = text.indexOf("$", start);
    at >= 0 && at - start < LONGEST;
    at = text.indexOf("$", at + 1)
  ) {
    if (text[at - 1] === "\\") continue;
    const tex = text.slice(start, at);
    if (!tex.trim() || /^\s|\s$|\n\s*\n/.test(tex)) return null;
    if (/^\d/.test(tex) && /\d/.test(text[at + 1] ?? "")) return null;
    return { tex, end: at + 1, display: false };
  }
  return null;
}

// The text in pieces, in order: {text} or {tex, source, display}.
function pieces(text) {
  const found = [];
  let done = 0;
  OPENINGS.lastIndex = 0;
  for (let match = OPENINGS.exec(text); match; match = OPENINGS.exec(text)) {
    const escaped = text[match.index - 1] === "\\";
    const formula = escaped ? null : formulaAt(text, match);
    if (!formula) continue;
    if (match.index > done) found.push({ text: text.slice(done, match.index) });
    found.push({
      tex: formula.tex,
      display: formula.display,
      source: text.slice(match.index, formula.end),
    });
    done = OPENINGS.lastIndex = formula.end;
  }
  if (done < text.length) found.push({ text: text.slice(done) });
  return found;
}

// A formula as an element; its source, marked as broken, where Temml cannot parse it.
function formula(tex, source, display) {
  const element = document.createElement("span");
  try {
    // Temml accepts align and the like in display mode only.
    const displayMode = display || tex.includes("\\begin{");
    temml.render(tex, element, { displayMode, throwOnError: true, maxExpand: 200 });
    element.className = display ? "formula" : "";
    element.title = source;
  } catch {
    element.className = "broken";
    element.textContent = source;
  }
  return element;
}

// The text as a fragment; `inline` puts display formulas into the line.
function typeset(text, inline = false) {
  const fragment = document.createDocumentFragment();
  for (const piece of pieces(text)) {
    if (piece.tex === undefined) fragment.append(piece.text);
    else
      fragment.append(
        formula(
          piece.tex,
          piece.source,
          piece.display && (!inline || piece.tex.startsWith("\\begin")),
        ),
      );
  }
  return fragment;
}

// An answer: bare TeX without delimiters, as in MATH, is one formula; else text with formulas.
function typesetAnswer(text) {
  const bare = /[\\^_]/.test(text) && !/\$|\\\(|\\\[|<|\n/.test(text);
  if (!bare) return typeset(text, true);
  const fragment = document.createDocumentFragment();
  fragment.append(formula(text.trim(), text, false));
  return fragment;
}
