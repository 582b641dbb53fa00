"use strict";
// Last of all scripts. What the page says stands in it already; the gallery is made once that was painted.

offerThemes();
requestAnimationFrame(() =>
  setTimeout(async () => {
    const section = document.getElementById("gallery");
    if (section) await explore(section);
    document.documentElement.dataset.ready = "yes";
  }),
);
