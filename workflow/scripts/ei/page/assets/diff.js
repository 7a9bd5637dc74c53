// The difference of two texts, word by word.

const MOST_WORDS = 3000; // of the part that differs: the table below has the square of it

// Words, spaces and signs; joined they are the text again.
function words(text) {
  return text.match(/\s+|\\?[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];
}

// Lengths of longest common subsequences: row i, column j is that of a from i on and b from j on.
function commonLengths(a, b) {
  const width = b.length + 1;
  const length = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i * width + j] =
        a[i] === b[j]
          ? length[(i + 1) * width + j + 1] + 1
          : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  return (i, j) => length[i * width + j];
}

// Parts {same | gone | new, text} that lead from `before` to `after`.
function difference(before, after) {
  const [a, b] = [words(before), words(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end))
    end++;
  const middle = between(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const same = (list) => ({ kind: "same", text: list.join("") });
  return [same(a.slice(0, start)), ...middle, same(a.slice(a.length - end))].filter(
    (part) => part.text,
  );
}

function between(a, b) {
  if (a.length > MOST_WORDS || b.length > MOST_WORDS) {
    return [
      { kind: "gone", text: a.join("") },
      { kind: "new", text: b.join("") },
    ];
  }
  const common = commonLengths(a, b);
  const parts = [];
  const add = (kind, word) => {
    if (parts.at(-1)?.kind === kind) parts.at(-1).text += word;
    else parts.push({ kind, text: word });
  };
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add("same", a[i]);
      (i++, j++);
    } else if (j === b.length || (i < a.length && common(i + 1, j) >= common(i, j + 1)))
      add("gone", a[i++]);
    else add("new", b[j++]);
  }
  return parts;
}
