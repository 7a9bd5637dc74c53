// Text with TeX in it, shown as text with formulas. Nothing of the text ever becomes HTML: texts are text nodes, and
// formulas are MathML that Temml builds (links, images and styles of TeX are off by its default).

const LONGEST = 4000; // characters of one formula; longer ones are a model's rambling, and stay source

const OPENINGS = /\$\$|\\\[|\\\(|\$|\\boxed\s*\{|\\begin\{(equation|align|gather|multline|cases|array|[pbvBV]?matrix)(\*?)\}/g;

// The place of the brace that closes the one at `start`, or -1.
function closingBrace(text, start) {
  let depth = 0;
  for (let i = start; i < text.length && i < start + LONGEST; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  return -1;
}

// The formula that starts at an opening: {tex, end, display}; null where it never closes or is no formula.
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

// $...$ in one paragraph, with no space inside the signs; with a digit first, none after: else $5 or$6 were a formula.
function dollars(text, start) {
  for (let at = text.indexOf("$", start); at >= 0 && at - start < LONGEST; at = text.indexOf("$", at + 1)) {
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
    found.push({ tex: formula.tex, display: formula.display, source: text.slice(match.index, formula.end) });
    done = OPENINGS.lastIndex = formula.end;
  }
  if (done < text.length) found.push({ text: text.slice(done) });
  return found;
}

// A formula as an element; its source, marked as broken, where Temml cannot read it.
function formula(tex, source, display) {
  const element = document.createElement("span");
  try {
    const displayMode = display || tex.includes("\\begin{"); // Temml takes align and its like nowhere else
    temml.render(tex, element, { displayMode, throwOnError: true, maxExpand: 200 });
    element.className = display ? "formula" : "";
    element.title = source;
  } catch {
    element.className = "broken";
    element.textContent = source;
  }
  return element;
}

// The text as a fragment. `inline` sets displayed formulas in the line.
function typeset(text, inline = false) {
  const fragment = document.createDocumentFragment();
  for (const piece of pieces(text)) {
    if (piece.tex === undefined) fragment.append(piece.text);
    else fragment.append(formula(piece.tex, piece.source, piece.display && (!inline || piece.tex.startsWith("\\begin"))));
  }
  return fragment;
}

// An answer: TeX without signs around it, as MATH has it, is one formula; else text with formulas.
function typesetAnswer(text) {
  const bare = /[\\^_]/.test(text) && !/\$|\\\(|\\\[|<|\n/.test(text);
  if (!bare) return typeset(text, true);
  const fragment = document.createDocumentFragment();
  fragment.append(formula(text.trim(), text, false));
  return fragment;
}
