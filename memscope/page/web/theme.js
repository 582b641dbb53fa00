"use strict";
// Light or dark: as the system has it, until the reader chooses. Charts listen for "themechange" on the document.

const THEME_KEY = "memscope-theme";

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** @param {string} theme */
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new Event("themechange"));
}

/** The button that switches, in the element #theme. */
function offerThemes() {
  const switches = button("", () => {
    setTheme(isDark() ? "light" : "dark");
    remember(THEME_KEY, isDark() ? "dark" : "light");
    name();
  });
  const name = () => void (switches.textContent = isDark() ? "Light theme" : "Dark theme");
  const kept = remembered(THEME_KEY);
  if (kept === "dark" || kept === "light") setTheme(kept);
  name();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    name();
    document.dispatchEvent(new Event("themechange"));
  });
  document.getElementById("theme")?.append(switches);
}

// A page that is opened as a file may have no storage: it then forgets.

/** @param {string} key */
function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // it forgets
  }
}
