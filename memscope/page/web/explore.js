"use strict";
// The gallery as a whole: one view, which controls, address, charts and the opened image change, and everything shows.

/** @type {(words: Record<string, unknown>) => void} */
let show = () => undefined;
/** The gallery of this page, once it was made. @type {Gallery | null} */
let theGallery = null;

/**
 * Show some images in the gallery, and go there: showInGallery({type: "increasing", size: 16, low: 0.5}), in the words of
 * the address; a list stands for several. What is not named is not filtered. `example` opens one.
 * @param {Record<string, unknown>} words
 */
function showInGallery(words) {
  show(words);
}

/** @param {HTMLElement} section the element that the gallery is put into */
async function explore(section) {
  let view = viewOf(addressed() ?? new URLSearchParams());
  let turn = 0;
  const gallery = makeGallery((example) => void detail.open(example, gallery.order()));
  theGallery = gallery;
  const controls = makeControls((change) => void turnTo({ ...view, ...change }));
  const detail = makeDetail((example) => {
    const was = view.example;
    view = { ...view, example: example === null ? null : exampleInRun(example) };
    if (example !== null || addressed()) keepInAddress(view, was === null); // else a link led out of the gallery
    if (example === null && was !== null) gallery.focus(Math.max(0, gallery.order().indexOf(positionOf(was))));
  });
  const nothing = element("p", { class: "nothing" }, "No image passes all filters.");
  const key = element("p", { class: "quiet key" }, keyInWords());
  const shown = element("div", { class: "shown" }, controls.order, key, nothing, gallery.box);
  if (PAGE.sampled) section.append(element("p", {}, sampleInWords()));
  section.append(element("div", { class: "explorer" }, controls.filters, shown));

  /** @param {View} next */
  async function turnTo(next, kept = false) {
    const mine = ++turn;
    view = next;
    await need([...FILTERED_BY, "example", "score", view.by, view.sort]);
    if (mine !== turn) return; // a newer view has come
    const numbers = {
      count: PAGE.count,
      sizes: PAGE.sizes.length,
      classes: PAGE.classes.length,
      types: PAGE.types.length,
    };
    const found = filtered(view, COLUMNS, numbers);
    const column = COLUMNS.get(view.sort);
    gallery.show(sorted(found.shown, column, hasRows(view.sort) ? view.at : 0, view.up, PAGE.count), view);
    nothing.hidden = found.shown.length > 0;
    controls.update(view, found);
    if (!kept) keepInAddress(view);
  }

  async function follow() {
    const words = addressed();
    if (!words) return detail.close();
    await turnTo(viewOf(words), true);
    section.scrollIntoView();
    const position = view.example === null ? -1 : positionOf(view.example);
    if (position >= 0) await detail.open(position, gallery.order());
    else detail.close();
  }

  show = (words) => {
    const address = new URLSearchParams();
    for (const [name, value] of Object.entries(words))
      for (const one of Array.isArray(value) ? value : [value]) if (one != null) address.append(name, String(one));
    history.pushState(null, "", `#gallery?${address}`);
    void follow();
  };
  addEventListener("hashchange", () => void follow());
  if (addressed()) await follow();
  else await turnTo(view, true);
}

/** What stands under each image, of what this page knows. */
function keyInWords() {
  /** @type {[string, string[]][]} */
  const signs = [
    ["label", ["label"]],
    ["→ what models without it say most often, if another", ["label", "suggested_label"]],
    ["⚑ label flipped", ["label", "true_label"]],
  ];
  const known = signs.filter(([, columns]) => columns.every((name) => DESCRIBED.has(name))).map(([words]) => words);
  return ["Under each image: type, value", ...known].join(" · ");
}

/** What a gallery that does not hold all images holds. */
function sampleInWords() {
  const drawn = PAGE.drawn === undefined ? "a sample" : `${counted(PAGE.drawn)} drawn at random`;
  const others = PAGE.extremes?.length ? ` and ${PAGE.extremes.join(", ")}` : "";
  return `This gallery holds ${counted(PAGE.count)} of the ${counted(PAGE.total)} images: ${drawn}${others}.`;
}

/** An example's place in the gallery, by its position in the run; -1 if it is not there. @param {number} inRun */
function positionOf(inRun) {
  const column = COLUMNS.get("example");
  return column ? column.codes.indexOf(inRun) : inRun < PAGE.count ? inRun : -1;
}
