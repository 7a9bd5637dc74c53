// A list of thousands of questions in which only the visible ones are elements.

const HEIGHT = 84; // px of an item: two lines of the question and one of facts
const SPARE = 4; // items above and below the visible ones, so that scrolling shows no gap

// A listbox in `box`: show(questions) sets what is listed, choose(question) marks one. `draw` fills
// an item's element; `chosen` is called with every question that the reader chooses.
function makeList(box, draw, chosen) {
  const canvas = document.createElement("div");
  canvas.setAttribute("role", "presentation");
  box.append(canvas);
  let questions = [];
  let current = -1; // index into `questions`

  function item(at) {
    const element = document.createElement("div");
    element.className = "item";
    element.id = `item-${questions[at]}`;
    element.setAttribute("role", "option");
    element.setAttribute("aria-posinset", at + 1);
    element.setAttribute("aria-setsize", questions.length);
    element.setAttribute("aria-selected", at === current);
    element.style.top = `${at * HEIGHT}px`;
    element.style.height = `${HEIGHT}px`;
    element.addEventListener("click", () => go(at));
    draw(element, questions[at]);
    return element;
  }

  function paint() {
    const first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - SPARE);
    const last = Math.min(
      questions.length,
      Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + SPARE,
    );
    const items = [];
    for (let at = first; at < last; at++) items.push(item(at));
    canvas.style.height = `${questions.length * HEIGHT}px`;
    canvas.replaceChildren(...items);
    if (questions[current] === undefined) box.removeAttribute("aria-activedescendant");
    else box.setAttribute("aria-activedescendant", `item-${questions[current]}`);
  }

  function reveal() {
    const top = current * HEIGHT;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + HEIGHT > box.scrollTop + box.clientHeight)
      box.scrollTop = top + HEIGHT - box.clientHeight;
  }

  function go(at) {
    if (!questions.length) return;
    current = Math.min(Math.max(at, 0), questions.length - 1);
    reveal();
    paint();
    chosen(questions[current]);
  }

  box.addEventListener("scroll", () => requestAnimationFrame(paint), { passive: true });
  new ResizeObserver(paint).observe(box);
  box.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(box.clientHeight / HEIGHT) - 1);
    const to = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      PageDown: current + page,
      PageUp: current - page,
      Home: 0,
      End: questions.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to);
  });

  return {
    show(list) {
      const question = questions[current];
      questions = list;
      current = list.indexOf(question);
      paint();
    },
    choose(question) {
      current = questions.indexOf(question);
      if (current >= 0) reveal();
      paint();
    },
    move: (by) => go(current + by),
    top: () => (box.scrollTop = 0),
    get questions() {
      return questions;
    },
  };
}
