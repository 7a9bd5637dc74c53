// Which questions are listed: what the filter bar asks for, and which questions match.

const STATUS_WORDS = {
  correct: "correct",
  wrong: "wrong",
  no_format: "no answer tags",
  unparsable: "unparsable",
  timeout: "timed out",
  error: "checker error",
  kept: "kept for SFT",
  cut: "cut off at the limit",
};

// Set the options of a select; the chosen value stays if it is among them.
function fill(select, options) {
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  select.value = options.some(([value]) => value === before) ? before : "";
}

// The distinct letters that occur in the index.
function lettersOf(index) {
  return [...new Set(index.codes.flat().join(""))];
}

function has(index, letter, status) {
  const what = decode(index, letter);
  return status === "kept" ? what.kept : status === "cut" ? what.cut : what.status === status;
}

// Fill the filter bar with what occurs in the source.
function offer(form, index) {
  const letters = lettersOf(index);
  const present = Object.keys(STATUS_WORDS).filter((status) =>
    letters.some((letter) => has(index, letter, status)),
  );
  const numbered = (names) => names.map((name, number) => [String(number), name]);
  fill(form.step, [["", "any"], ...index.steps.map((step) => [String(step), String(step)])]);
  fill(form.status, [["", "any"], ...present.map((status) => [status, STATUS_WORDS[status]])]);
  fill(form.level, [["", "any"], ...numbered(index.levels)]);
  fill(form.subject, [["", "any"], ...numbered(index.subjects)]);
  form.level.disabled = !index.levels.length;
  form.subject.disabled = !index.subjects.length;
}

// What the filter bar asks for; null is "any".
function asked(form) {
  const number = (select) => (select.value === "" ? null : Number(select.value));
  return {
    step: number(form.step),
    status: form.status.value || null,
    change: form.change.value || null,
    order: form.order.value || null,
    level: number(form.level),
    subject: number(form.subject),
    text: form.text.value.trim().toLowerCase(),
  };
}

// The questions that match all but the text, in the order of the index.
function filtered(index, wanted) {
  const letters =
    wanted.status && lettersOf(index).filter((letter) => has(index, letter, wanted.status));
  const at = wanted.step === null ? null : index.steps.indexOf(wanted.step);
  const found = [];
  for (let q = 0; q < index.id.length; q++) {
    const codes = at === null ? index.codes[q].join("") : index.codes[q][at];
    if (!codes) continue;
    if (letters && !letters.some((letter) => codes.includes(letter))) continue;
    if (wanted.level !== null && index.level[q] !== wanted.level) continue;
    if (wanted.subject !== null && index.subject[q] !== wanted.subject) continue;
    if (wanted.change && !changed(index, q, wanted)) continue;
    found.push(q);
  }
  return wanted.order === "level" ? found : worthFirst(index, found);
}

// The steps at which a question is worth a look, for each reason that ei/page/worth.py knows.
function reasons(index, q) {
  const asked = index.steps.filter((_, at) => index.codes[q][at]);
  const first = index.first[q] === null || index.first[q] === asked[0] ? [] : [index.first[q]];
  const { lost, disputed, rare, hinted } = index;
  return { first, lost: lost[q], disputed: disputed[q], rare: rare[q], hinted: hinted[q] };
}

// The questions with the most reasons first; those with as many stay in their order.
function worthFirst(index, questions) {
  const count = (q) => Object.values(reasons(index, q)).filter((steps) => steps.length).length;
  const counts = new Map(questions.map((q) => [q, count(q)]));
  return questions.toSorted((a, b) => counts.get(b) - counts.get(a));
}

// Whether a question is worth a look for the wanted reason at the wanted step, or at any.
function changed(index, q, { change, step }) {
  const steps = reasons(index, q)[change];
  return step === null ? steps.length > 0 : steps.includes(step);
}

// The candidates whose question or responses contain the text, in order, through
// `report(found, share)`, which is called along the way. `alive()` turns false when the reader has
// asked for something else.
async function search(index, candidates, wanted, alive, report) {
  const found = [];
  let chunk = -1;
  let content;
  for (const [done, q] of candidates.entries()) {
    let hit = index.question[q].toLowerCase().includes(wanted.text);
    if (!hit) {
      if (chunkOf(index, q) !== chunk) {
        chunk = chunkOf(index, q);
        // Not cached: a search goes through all of them.
        content = await unpack(`${index.name}-${chunk}`);
        if (!alive()) return;
        report(found, done / candidates.length);
      }
      hit = content[q - index.starts[chunk]].some(
        ([step, responses]) =>
          (wanted.step === null || step === wanted.step) &&
          responses.some(([text]) => text.toLowerCase().includes(wanted.text)),
      );
    }
    if (hit) found.push(q);
  }
  report(found, 1);
}
