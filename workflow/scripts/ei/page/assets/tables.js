// Tables that sort by a click on a heading, and the switch that shows equal settings.

// Rows in the order of a column: numbers by size, text in natural order (G4 before G16).
function sorted(rows, column, down) {
  const value = (row) => row.cells[column].dataset.value;
  const numeric = rows.every(
    (row) => row.cells[column].classList.contains("number") || value(row) === "–",
  );
  const order = numeric
    ? (a, b) => Number(value(a)) - Number(value(b))
    : (a, b) => value(a).localeCompare(value(b), "en", { numeric: true });
  return rows.toSorted((a, b) => (down ? -1 : 1) * order(a, b));
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const numeric = [...table.tBodies[0].rows].every((row) =>
      row.cells[column].classList.contains("number"),
    );
    head.classList.toggle("number", numeric);
    head.firstElementChild.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      table.tBodies[0].append(...sorted([...table.tBodies[0].rows], column, down));
    });
  });
}

const allSettings = document.getElementById("all-settings");
const showSettings = () =>
  document.getElementById("settings-table").classList.toggle("short", !allSettings.checked);
allSettings.addEventListener("change", showSettings);
showSettings();
