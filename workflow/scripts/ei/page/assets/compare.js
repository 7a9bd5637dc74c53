// Two responses to one question, compared word by word; usually the same question at two steps.

// All responses of the question as options "step n, rollout k".
function responseOptions(index, q, responses) {
  const options = [];
  for (const [step, of] of responses) {
    const codes = index.codes[q][index.steps.indexOf(step)];
    of.forEach((_, number) => {
      const status = STATUS_WORDS[decode(index, codes[number]).status];
      options.push({ step, number, name: `Step ${step}, ${index.unit} ${number}: ${status}` });
    });
  }
  return options;
}

function side(parts, shown, name) {
  const body = element("div", { class: "body", "aria-label": name });
  for (const { kind, text } of parts) {
    if (kind === "same") body.append(text);
    else if (kind === shown) body.append(element(kind === "gone" ? "del" : "ins", {}, text));
  }
  return body;
}

// The comparison, collapsed at first: the first response of the shown (or last) step beside that of
// the step before (or after).
function compareView(index, q, responses, shown) {
  const options = responseOptions(index, q, responses);
  const steps = [...responses.keys()];
  const step = shown === "all" ? steps.at(-1) : shown;
  const other = steps[steps.indexOf(step) - 1] ?? steps[steps.indexOf(step) + 1] ?? step;
  const details = element(
    "details",
    { class: "compare" },
    element("summary", {}, "Compare two steps word by word"),
  );
  if (options.length < 2) {
    details.append(element("p", { class: "absent" }, `There is only one ${index.unit}.`));
    return details;
  }
  const firstOf = (wanted) => options.findIndex((option) => option.step === wanted);
  const select = (label, chosen) => {
    const made = element(
      "select",
      { "aria-label": label, onchange: show },
      ...options.map((o, i) => new Option(o.name, i)),
    );
    made.value = chosen;
    return made;
  };
  const [low, high] =
    other === step ? [0, 1] : [firstOf(Math.min(step, other)), firstOf(Math.max(step, other))];
  const [before, after] = [select("Before", low), select("After", high)];
  const [left, right] = [element("div"), element("div")];
  function show() {
    const text = (of) => responses.get(options[of.value].step)[options[of.value].number][0];
    const parts = difference(text(before), text(after));
    left.replaceChildren(before, side(parts, "gone", "Before, removed words marked"));
    right.replaceChildren(after, side(parts, "new", "After, added words marked"));
  }
  details.addEventListener("toggle", () => details.open && show(), { once: true });
  details.append(element("div", { class: "diff" }, left, right));
  return details;
}
