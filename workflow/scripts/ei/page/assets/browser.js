// The rollout browser: filter bar, list and question, and the address that names what is shown.

const form = document.getElementById("filters").elements;
const view = document.getElementById("question");
const foundLine = document.getElementById("found");
const state = { index: null, question: -1, step: null, source: false, wish: 0 };

const list = makeList(document.getElementById("list"), (box, q) => drawItem(state.index, box, q), (q) => open(q, true));

// The step to show of a question: the filtered one, the one that is shown now, or else: of a few responses all, of many
// the last step's.
function stepFor(q) {
  const { codes, steps, unit } = state.index;
  const had = steps.filter((_, at) => codes[q][at]);
  const shown = had.length > 1 ? [...had, "all"] : had;
  const wanted = [asked(form).step, state.step].find((step) => shown.includes(step));
  return wanted ?? (unit === "response" && codes[q].every((of) => of.length < 2) ? shown : had).at(-1);
}

// Show a question; `chosen` when the reader chose it in the list, which on a phone is above it.
async function open(q, chosen = false) {
  state.question = q;
  state.step = stepFor(q);
  const responses = await readResponses(state.index, q);
  if (state.question !== q) return; // another was chosen while this one was unpacked
  draw(responses);
  if (chosen && matchMedia("(max-width: 60rem)").matches) view.scrollIntoView({ behavior: "smooth" });
}

function draw(responses) {
  const { index, question, source } = state;
  const compared = view.querySelector(".compare")?.open;
  const redraw = (change) => {
    Object.assign(state, change);
    draw(responses);
  };
  view.replaceChildren(...questionView(index, question, responses, state.step, source, {
    step: (step) => {
      redraw({ step });
      view.querySelector(`input[name="shown-step"]:checked`)?.focus(); // the one that had it was replaced
    },
    source: (shown) => {
      redraw({ source: shown });
      view.querySelector(".bar input[type=checkbox]").focus();
    },
    move: (by) => list.move(by),
    back: () => document.getElementById("list").scrollIntoView({ block: "center" }),
  }));
  if (compared) view.querySelector(".compare").open = true;
  mark(asked(form).text);
  history.replaceState(null, "", `#rollouts/${index.name}/${index.id[question]}/${state.step}`);
}

// Mark the text that was searched for, where the browser can mark without changing the page.
function mark(text) {
  if (!globalThis.Highlight) return;
  const ranges = [];
  const walker = document.createTreeWalker(view, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); text && node; node = walker.nextNode()) {
    if (!node.parentElement.closest(".asked, .body")) continue; // labels are ours, not what was searched
    const lower = node.data.toLowerCase();
    for (let at = lower.indexOf(text); at >= 0; at = lower.indexOf(text, at + text.length)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, Math.min(at + text.length, node.length));
      ranges.push(range);
    }
  }
  CSS.highlights.set("hit", new Highlight(...ranges));
}

function tell(questions, share = 1) {
  const all = state.index.id.length;
  list.show(questions);
  const progress = share < 1 ? `, ${Math.round(100 * share)} % searched` : "";
  foundLine.textContent = `${questions.length.toLocaleString("en")} of ${all.toLocaleString("en")} questions${progress}`;
}

// List what the filter bar asks for, and show its first question unless the shown one is listed.
async function update() {
  const wish = ++state.wish;
  const alive = () => wish === state.wish;
  const wanted = asked(form);
  const candidates = filtered(state.index, wanted);
  list.top();
  if (wanted.text) {
    let last = 0;
    await search(state.index, candidates, wanted, alive, (found, share) => {
      if (share < 1 && performance.now() - last < 150) return;
      last = performance.now();
      tell([...found], share);
    });
    if (!alive()) return;
  } else tell(candidates);
  settle(wanted);
}

function settle(wanted) {
  const shown = list.questions.includes(state.question) ? state.question : list.questions[0];
  if (shown === undefined) {
    state.question = -1;
    view.replaceChildren(element("p", { class: "absent" }, "No question answers to all of these filters."));
    return;
  }
  if (wanted.step !== null) state.step = wanted.step;
  list.choose(shown);
  open(shown);
}

async function changeSource(name) {
  state.wish++; // a search of the other source ends
  foundLine.textContent = "Reading …";
  state.index = await readIndex(name);
  Object.assign(state, { question: -1, step: null });
  form.change.title = state.index.unit === "rollout" ? "Of the steps that asked the question; solved: any rollout is right" : "";
  offer(form, state.index);
  await update();
}

// What the address names: #rollouts/SOURCE/QUESTION/STEP, or null.
function named() {
  const [, source, id, step] = /^#rollouts\/(\w+)\/(\w+)\/(all|\d+)$/.exec(location.hash) ?? [];
  return source && [...form.source.options].some((o) => o.value === source && !o.disabled) ? { source, id, step: step === "all" ? step : Number(step) } : null;
}

async function start() {
  const wanted = named();
  const first = [...form.source.options].find((option) => !option.disabled);
  if (!first) {
    foundLine.textContent = "No responses are in this page.";
    return;
  }
  form.source.value = wanted?.source ?? first.value;
  await changeSource(form.source.value);
  const q = wanted ? state.index.id.indexOf(wanted.id) : -1;
  if (q >= 0) {
    state.step = wanted.step;
    list.choose(q);
    await open(q);
    document.getElementById("rollouts").scrollIntoView();
  }
  document.documentElement.dataset.ready = "true"; // for tests and for timing: the first question is shown
}

let typing;
document.getElementById("filters").addEventListener("input", (event) => {
  clearTimeout(typing);
  if (event.target === form.source) changeSource(form.source.value);
  else typing = setTimeout(update, event.target === form.text ? 250 : 0);
});
document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
document.getElementById("filters").addEventListener("reset", () => {
  const source = form.source.value;
  setTimeout(() => {
    form.source.value = source; // clearing clears the filters, not what is looked at
    update();
  });
});
start();
