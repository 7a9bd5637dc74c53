// The rollout browser: filter bar, list and question, and the address that names what is shown.

const form = document.getElementById("filters").elements;
const view = document.getElementById("question");
const foundLine = document.getElementById("found");
const state = { index: null, question: -1, step: null, source: false, wish: 0 };

const list = makeList(
  document.getElementById("list"),
  (box, q) => drawItem(state.index, box, q),
  (q) => open(q, true),
);

// Which step of a question to show: the filtered one, the one shown now, or else all steps if each
// has one response, and the last step otherwise.
function stepFor(q) {
  const { codes, steps, unit } = state.index;
  const had = steps.filter((_, at) => codes[q][at]);
  const shown = had.length > 1 ? [...had, "all"] : had;
  const wanted = [asked(form).step, state.step].find((step) => shown.includes(step));
  return (
    wanted ?? (unit === "response" && codes[q].every((of) => of.length < 2) ? shown : had).at(-1)
  );
}

// Show a question; `chosen` if the reader chose it in the list, which on a phone stands above it.
async function open(q, chosen = false) {
  state.question = q;
  state.step = stepFor(q);
  const responses = await readResponses(state.index, q);
  if (state.question !== q) return; // another one was chosen while this one was unpacked
  draw(responses);
  if (chosen && matchMedia("(max-width: 60rem)").matches)
    view.scrollIntoView({ behavior: "smooth" });
}

function draw(responses) {
  const { index, question, source } = state;
  const compared = view.querySelector(".compare")?.open;
  const redraw = (change) => {
    Object.assign(state, change);
    draw(responses);
  };
  view.replaceChildren(
    ...questionView(index, question, responses, state.step, source, {
      step: (step) => {
        redraw({ step });
        // The element that had the focus was replaced.
        view.querySelector(`input[name="shown-step"]:checked`)?.focus();
      },
      source: (shown) => {
        redraw({ source: shown });
        view.querySelector(".bar input[type=checkbox]").focus();
      },
      move: (by) => list.move(by),
      back: () => document.getElementById("list").scrollIntoView({ block: "center" }),
    }),
  );
  if (compared) view.querySelector(".compare").open = true;
  mark(asked(form).text);
  history.replaceState(null, "", `#rollouts/${index.name}/${index.id[question]}/${state.step}`);
}

// Highlight the text that was searched for, where the browser can do so without changing the page.
function mark(text) {
  if (!globalThis.Highlight) return;
  const ranges = [];
  const walker = document.createTreeWalker(view, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); text && node; node = walker.nextNode()) {
    if (!node.parentElement.closest(".asked, .body")) continue; // our own labels were not searched
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

function report(questions, share = 1) {
  const all = state.index.id.length;
  list.show(questions);
  const progress = share < 1 ? `, ${Math.round(100 * share)} % searched` : "";
  const [found, total] = [questions.length, all].map((count) => count.toLocaleString("en"));
  foundLine.textContent = `${found} of ${total} questions${progress}`;
}

// List what the filter bar asks for; show the first question unless the one shown is listed.
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
      report([...found], share);
    });
    if (!alive()) return;
  } else report(candidates);
  settle(wanted);
}

function settle(wanted) {
  const shown = list.questions.includes(state.question) ? state.question : list.questions[0];
  if (shown === undefined) {
    state.question = -1;
    view.replaceChildren(
      element("p", { class: "absent" }, "No question matches all of these filters."),
    );
    return;
  }
  if (wanted.step !== null) state.step = wanted.step;
  list.choose(shown);
  open(shown);
}

async function changeSource(name) {
  state.wish++; // a search of the other source ends
  foundLine.textContent = "Loading …";
  state.index = await readIndex(name);
  Object.assign(state, { question: -1, step: null });
  form.change.title =
    state.index.unit === "rollout"
      ? "Among the steps that asked the question; solved: any rollout is correct"
      : "";
  offer(form, state.index);
  await update();
}

// What the address points to (#rollouts/SOURCE/QUESTION/STEP), or null.
function named() {
  const [, source, id, step] = /^#rollouts\/(\w+)\/(\w+)\/(all|\d+)$/.exec(location.hash) ?? [];
  return source && [...form.source.options].some((o) => o.value === source && !o.disabled)
    ? { source, id, step: step === "all" ? step : Number(step) }
    : null;
}

// Open what the address points to, in the source that is shown.
async function openNamed({ id, step }, scroll) {
  const q = state.index.id.indexOf(id);
  if (q < 0) return;
  state.step = step;
  list.choose(q);
  await open(q);
  if (scroll) document.getElementById("rollouts").scrollIntoView();
}

async function start() {
  const wanted = named();
  const first = [...form.source.options].find((option) => !option.disabled);
  if (!first) {
    foundLine.textContent = "This page has no responses.";
    return;
  }
  form.source.value = wanted?.source ?? first.value;
  await changeSource(form.source.value);
  // A page that is loaded again stays where it was.
  const [{ type }] = performance.getEntriesByType("navigation");
  if (wanted) await openNamed(wanted, type !== "reload");
  document.documentElement.dataset.ready = "true"; // the first question is shown: tests wait for it
}

// A link of the page to a question, as those of "Worth a look".
addEventListener("hashchange", async () => {
  const wanted = named();
  if (!wanted) return;
  for (const field of [form.step, form.status, form.change, form.level, form.subject, form.text])
    field.value = ""; // a filter could leave out the question
  form.source.value = wanted.source;
  await changeSource(wanted.source);
  await openNamed(wanted, true);
});
for (const link of document.querySelectorAll(".worth a"))
  link.replaceChildren(typeset(link.textContent, true));

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
    form.source.value = source; // clear the filters, not what is shown
    update();
  });
});
start();
