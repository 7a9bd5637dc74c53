// Packed blocks of the page: found, unpacked, and the last few cached.

const CACHED = 24; // blocks: about 10 MB of text, enough to go back and forth
const unpacked = new Map();

// The element of a block. The page may still be loading, so this waits for it.
async function blockElement(name) {
  while (document.readyState === "loading" && !document.getElementById(name)?.nextSibling) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const element = document.getElementById(name);
  if (!element) throw new Error(`the page has no block ${name}`);
  return element;
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

async function unpack(name) {
  const bytes = fromBase64((await blockElement(name)).textContent);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// What a block holds, from the cache if it was used lately.
function read(name) {
  const content = unpacked.get(name) ?? unpack(name);
  unpacked.delete(name);
  unpacked.set(name, content); // last in the order of use
  for (const old of unpacked.keys()) {
    if (unpacked.size <= CACHED) break;
    unpacked.delete(old);
  }
  return content;
}

const indexes = new Map();

// A source's index with its name; indexes are few and stay.
function readIndex(source) {
  if (!indexes.has(source))
    indexes.set(
      source,
      unpack(`${source}-index`).then((index) => ({ ...index, name: source })),
    );
  return indexes.get(source);
}

// The number of the block that has a question: the last one that starts at or before it.
function chunkOf(index, question) {
  let low = 0;
  let high = index.starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (index.starts[middle] <= question) low = middle;
    else high = middle - 1;
  }
  return low;
}

// The responses of a question by step: a Map from step to [[response, extracted, tokens], ...].
async function readResponses(index, question) {
  const chunk = chunkOf(index, question);
  const content = await read(`${index.name}-${chunk}`);
  return new Map(content[question - index.starts[chunk]]);
}

// What a letter of the index says of a response: its status, whether SFT saw it, whether it was cut
// off at the limit.
function decode(index, letter) {
  const { statuses, letters, keptFlag, cutFlag } = index; // as index.py packed them
  const number = letters.indexOf(letter);
  return {
    status: statuses[number % keptFlag],
    kept: Boolean(number & keptFlag),
    cut: Boolean(number & cutFlag),
  };
}
