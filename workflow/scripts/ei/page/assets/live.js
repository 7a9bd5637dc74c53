// A page of an experiment that still runs: it asks its server for a newer one, and shows that.

const ASK_MS = 3000; // a step takes a minute or more

// What the server says of the page as it is now: when it was written, how long it is.
async function version() {
  const answer = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
  const names = ["last-modified", "etag", "content-length"];
  return answer.ok ? names.map((name) => answer.headers.get(name)).join() : null;
}

// Whether a reload would take from the reader what was typed or filtered.
function busy() {
  const filters = [...form].filter((field) => field.name && field.name !== "source");
  return filters.some((field) => field.value) || document.activeElement?.closest("#filters, dialog");
}

async function follow(shown) {
  const now = await version().catch(() => null); // the server was stopped: perhaps for a while
  if (shown && now && now !== shown) {
    const button = document.getElementById("newer");
    button.hidden = false;
    if (!busy()) location.reload();
  }
  setTimeout(follow, ASK_MS, shown ?? now);
}

document.getElementById("newer").addEventListener("click", () => location.reload());
if (location.protocol.startsWith("http")) follow(null);
