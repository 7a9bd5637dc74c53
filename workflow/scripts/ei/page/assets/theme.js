// The colour button: as in the system, light, dark. The choice is stored if the browser allows it.

const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };

function showTheme(name) {
  document.documentElement.dataset.theme = name;
  const button = document.getElementById("theme");
  button.textContent = THEMES[name];
  button.setAttribute("aria-label", `Colours: ${name === "auto" ? "as in the system" : name}`);
}

function storedTheme() {
  try {
    const name = localStorage.getItem("ei-theme");
    return name in THEMES ? name : "auto";
  } catch {
    return "auto"; // a page opened from disk may have no storage
  }
}

function storeTheme(name) {
  try {
    localStorage.setItem("ei-theme", name);
  } catch {
    // then the choice lasts for this visit
  }
}

showTheme(storedTheme());
document.getElementById("theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length];
  showTheme(next);
  storeTheme(next);
});
