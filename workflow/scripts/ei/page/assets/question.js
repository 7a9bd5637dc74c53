// A question with its responses, side by side.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// One bar for each step, full where every response is right; read out as words.
function pips(index, q) {
  const said = [];
  const bars = index.steps.map((step, at) => {
    const codes = index.codes[q][at];
    const right = [...codes].filter((letter) => decode(index, letter).status === "correct").length;
    if (codes) said.push(`step ${step}: ${right} of ${codes.length}`);
    const bar = element("span", { class: codes ? "pip" : "pip none" });
    bar.style.setProperty("--share", codes ? `${(100 * right) / codes.length}%` : "0%");
    return bar;
  });
  const words = said.length ? `right at ${said.join(", ")}` : "never asked";
  return element(
    "span",
    { class: "steps", role: "img", "aria-label": words, title: words },
    ...bars,
  );
}

// An item of the list: the question's beginning, where it belongs, and how it went.
function drawItem(index, box, q) {
  const about = [index.levels[index.level[q]], index.subjects[index.subject[q]]]
    .filter(Boolean)
    .join(" · ");
  box.append(
    element("div", { class: "text" }, typeset(index.question[q].slice(0, 240), true)),
    element("div", { class: "about" }, element("span", {}, about || index.id[q]), pips(index, q)),
  );
}

// The range {start, end} of a response's answer by the checker's rule: after </think>, from the
// last <answer> before the first </answer>. null where there is none.
function answerRange(text) {
  const opening = /<\/think>\s*<answer>/.exec(text);
  const end = opening ? text.indexOf("</answer>", opening.index + opening[0].length) : -1;
  return end < 0 ? null : { start: text.lastIndexOf("<answer>", end) + "<answer>".length, end };
}

// Text outside the answer: tags dimmed, mathematics typeset (or left as source).
function prose(text, source) {
  const fragment = document.createDocumentFragment();
  for (const part of text.split(/(<\/?(?:think|answer)>)/)) {
    if (/^<\/?(think|answer)>$/.test(part))
      fragment.append(element("span", { class: "tag" }, part));
    else fragment.append(source ? part : typeset(part));
  }
  return fragment;
}

// The answer: marked as a whole, and in it what the checker extracted, where that occurs literally.
function answerPart(text, extracted, source) {
  const set = (part) => (source ? document.createTextNode(part) : typesetAnswer(part));
  const at = extracted ? text.indexOf(extracted) : -1;
  if (at < 0) return element("mark", { class: "answer" }, set(text));
  const before = text.slice(0, at);
  const after = text.slice(at + extracted.length);
  return element(
    "mark",
    { class: "answer" },
    before,
    element("mark", { class: "extracted" }, set(extracted)),
    after,
  );
}

function responseText(text, extracted, source) {
  const range = extracted === null ? null : answerRange(text);
  if (!range) return prose(text, source);
  const fragment = document.createDocumentFragment();
  fragment.append(
    prose(text.slice(0, range.start), source),
    answerPart(text.slice(range.start, range.end), extracted, source),
    prose(text.slice(range.end), source),
  );
  return fragment;
}

// What became of a response: correct or why not, kept or dropped, cut off.
function badges(index, letter, repeated) {
  const what = decode(index, letter);
  const correct = what.status === "correct";
  const made = [element("span", { class: `badge ${what.status}` }, STATUS_WORDS[what.status])];
  if (what.kept) made.push(element("span", { class: "badge kept" }, "kept for SFT"));
  else if (correct && index.unit === "rollout")
    made.push(
      element("span", { class: "badge dropped" }, repeated ? "dropped: duplicate" : "dropped"),
    );
  if (what.cut) made.push(element("span", { class: "badge cut" }, "cut off at the limit"));
  return made;
}

function responseCard(index, letter, responses, number, source, name) {
  const [text, extracted, tokens] = responses[number];
  const repeated = responses.slice(0, number).some(([other]) => other === text);
  const cut = decode(index, letter).cut;
  const body = element(
    "div",
    { class: "body", tabindex: "0", role: "region", "aria-label": `Text: ${name}` },
    text
      ? responseText(source ? text : text.trim(), extracted, source)
      : element("span", { class: "empty" }, "(empty)"),
    cut ? element("span", { class: "ends" }, " … cut off here") : null,
  );
  return element(
    "section",
    { class: source ? "response source" : "response", "aria-label": name },
    element(
      "header",
      {},
      element("strong", {}, name),
      ...badges(index, letter, repeated),
      element("span", { class: "tokens" }, `${tokens.toLocaleString("en")} tokens`),
    ),
    body,
    extracted === null
      ? null
      : element(
          "footer",
          {},
          element("span", { class: "tag" }, "extracted"),
          element("span", {}, typesetAnswer(extracted)),
        ),
  );
}

// The cards of a step, or of all steps one after another.
function cards(index, q, responses, step, source) {
  return [...responses]
    .filter(([each]) => step === "all" || step === each)
    .flatMap(([each, of]) =>
      of.map((_, number) => {
        const numbered = of.length > 1 || step !== "all" ? `${index.unit} ${number}` : "";
        const name = [step === "all" ? `step ${each}` : "", numbered].filter(Boolean).join(", ");
        const letter = index.codes[q][index.steps.indexOf(each)][number];
        return responseCard(
          index,
          letter,
          of,
          number,
          source,
          name[0].toUpperCase() + name.slice(1),
        );
      }),
    );
}

// The steps that asked the question, and "all", as a group of radio buttons.
function stepTabs(index, q, step, choose) {
  const group = element(
    "fieldset",
    { class: "tabs", "aria-label": "Step" },
    element("span", { class: "name", "aria-hidden": "true" }, "Step"),
  );
  const tab = (value, ...content) => {
    const radio = element("input", {
      type: "radio",
      name: "shown-step",
      value,
      "aria-label": `Step ${value}`,
      onchange: () => choose(value),
    });
    radio.checked = value === step;
    group.append(element("label", {}, radio, ...content));
  };
  if (index.codes[q].filter(Boolean).length > 1) tab("all", "all");
  index.steps.forEach((each, at) => {
    const codes = index.codes[q][at];
    if (!codes) return;
    const correct = [...codes].filter(
      (letter) => decode(index, letter).status === "correct",
    ).length;
    const share = codes.length > 1 ? `${correct}/${codes.length}` : correct ? "✓" : "✗";
    tab(each, String(each), element("span", { class: "tag" }, share));
  });
  return group;
}

function facts(index, q) {
  const fact = (name, ...value) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, ...value));
  const level = index.levels[index.level[q]];
  const subject = index.subjects[index.subject[q]];
  const first = index.first[q] === null ? "never" : `step ${index.first[q]}`;
  return element(
    "dl",
    { class: "facts" },
    fact(
      "Reference answer",
      element("mark", { class: "reference" }, typesetAnswer(index.answer[q])),
    ),
    level === undefined ? null : fact("Level", level.replace(/^Level /, "")),
    subject === undefined ? null : fact("Subject", subject),
    fact("First solved", first),
    index.lost[q].length ? fact("Lost at step", index.lost[q].join(", ")) : null,
    fact("Id", element("code", {}, index.id[q])),
  );
}

// The whole view of a question at a step or at "all"; `actions` has step(n), move(by), back() and
// source(bool).
function questionView(index, q, responses, step, source, actions) {
  const box = element("input", {
    type: "checkbox",
    onchange: (event) => actions.source(event.target.checked),
  });
  box.checked = source;
  return [
    element("p", { class: "asked" }, source ? index.question[q] : typeset(index.question[q])),
    facts(index, q),
    element(
      "div",
      { class: "bar" },
      element("button", { type: "button", class: "back", onclick: actions.back }, "↑ List"),
      stepTabs(index, q, step, actions.step),
      element("label", { class: "check" }, box, "Source text"),
      element(
        "div",
        { class: "pages" },
        element(
          "button",
          { type: "button", onclick: () => actions.move(-1), "aria-label": "Previous question" },
          "←",
        ),
        element(
          "button",
          { type: "button", onclick: () => actions.move(1), "aria-label": "Next question" },
          "→",
        ),
      ),
    ),
    element("div", { class: "responses" }, ...cards(index, q, responses, step, source)),
    compareView(index, q, responses, step),
  ];
}
