// The button of the colours: as the system has them, light, dark. The choice is kept where the browser allows it.

const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };

function showTheme(name) {
  document.documentElement.dataset.theme = name;
  const button = document.getElementById("theme");
  button.textContent = THEMES[name];
  button.setAttribute("aria-label", `Colours: ${name === "auto" ? "as the system has them" : name}`);
}

function keptTheme() {
  try {
    const name = localStorage.getItem("ei-theme");
    return name in THEMES ? name : "auto";
  } catch {
    return "auto"; // a page from disk may have no storage
  }
}

function keepTheme(name) {
  try {
    localStorage.setItem("ei-theme", name);
  } catch {
    // then it holds for this visit
  }
}

showTheme(keptTheme());
document.getElementById("theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length];
  showTheme(next);
  keepTheme(next);
});
