"use strict";
// What the gallery shows, and the address that keeps it: `#gallery?type=increasing&size=16&low=0.5`. The same words serve
// links in the page, showInGallery, and a reader who sends the address to a colleague. What makes no sense is left out.

/**
 * @typedef {object} View
 * @property {number[]} labels given labels; empty: all
 * @property {string} by the column of types: "called_type", "type" (raw) or "population_type"
 * @property {number[]} types codes; empty: all
 * @property {string} flipped "", "yes" or "no"
 * @property {number} size row of the size at which suggestions and scores are filtered; -1: at any of them
 * @property {string} suggested "", "other" than the given label, "own", or a label
 * @property {number | null} low of the score
 * @property {number | null} high
 * @property {string} copies "", "equal", "near", "some" (either), "none"
 * @property {string} sort a column, or "index"
 * @property {number} at row of the size by which is sorted
 * @property {boolean} up smallest first
 * @property {number | null} example the open one: its position in the run
 */

const TYPE_COLUMNS = { called: "called_type", raw: "type", population: "population_type" };
const NOT_SORTED_BY = new Set([
  ...["score_low", "score_high", "population_sd"],
  ...["log_odds_in", "log_odds_out", "ratio_in"],
]);

/** Columns that images can be sorted by: whatever was measured. */
function sortable() {
  return PAGE.columns.filter(({ name, low }) => low !== null && !NOT_SORTED_BY.has(name)).map(({ name }) => name);
}

/** @returns {View} */
function startView() {
  const last = PAGE.sizes.length - 1;
  const by = Object.values(TYPE_COLUMNS).find((name) => DESCRIBED.has(name)) ?? "called_type";
  const sort = DESCRIBED.has("score") ? "score" : "index";
  return {
    ...{ labels: [], by, types: [], flipped: "", size: last, suggested: "", low: null, high: null, copies: "" },
    ...{ sort, at: last, up: sort === "index", example: null },
  };
}

/**
 * @param {URLSearchParams} words
 * @returns {View}
 */
function viewOf(words) {
  const view = startView();
  const by = Object.entries(TYPE_COLUMNS).find(([word]) => word === words.get("by"))?.[1];
  if (by && DESCRIBED.has(by)) view.by = by;
  view.labels = whole(words.getAll("class")).filter((label) => label < PAGE.classes.length);
  view.types = [...new Set(words.getAll("type"))].map((type) => PAGE.types.indexOf(type)).filter((code) => code >= 0);
  view.flipped = among(words.get("flipped"), ["yes", "no"], "");
  view.copies = among(words.get("copies"), ["equal", "near", "some", "none"], "");
  view.suggested = among(words.get("suggested"), ["other", "own", ...PAGE.classes.keys()].map(String), "");
  view.size = words.get("size") === "any" ? -1 : row(words.get("size"), view.size);
  [view.low, view.high] = [number(words.get("low")), number(words.get("high"))];
  view.sort = among(words.get("sort"), ["index", ...sortable()], view.sort);
  view.at = row(words.get("at"), view.at);
  view.up = among(words.get("order"), ["up", "down"], view.sort === "index" ? "up" : "down") === "up";
  view.example = whole(words.getAll("example"))[0] ?? null;
  return view;
}

/**
 * The words of a view: what differs from the start.
 * @param {View} view
 */
function wordsOf(view) {
  const start = startView();
  const words = new URLSearchParams();
  for (const label of view.labels) words.append("class", String(label));
  for (const type of view.types) words.append("type", PAGE.types[type] ?? "");
  if (view.by !== start.by)
    words.set("by", Object.entries(TYPE_COLUMNS).find(([, name]) => name === view.by)?.[0] ?? "");
  for (const name of /** @type {const} */ (["flipped", "suggested", "copies"]))
    if (view[name]) words.set(name, view[name]);
  if (view.size !== start.size) words.set("size", view.size < 0 ? "any" : String(PAGE.sizes[view.size]));
  if (view.low !== null) words.set("low", String(view.low));
  if (view.high !== null) words.set("high", String(view.high));
  if (view.sort !== start.sort) words.set("sort", view.sort);
  if (view.at !== start.at) words.set("at", String(PAGE.sizes[view.at]));
  if (view.up !== (view.sort === "index")) words.set("order", view.up ? "up" : "down");
  if (view.example !== null) words.set("example", String(view.example));
  return words;
}

/** The words in the address; null if it is of no view. `#gallery` alone is a place in the page. */
function addressed() {
  return location.hash.startsWith("#gallery?") ? new URLSearchParams(location.hash.slice("#gallery?".length)) : null;
}

/**
 * @param {View} view
 * @param {boolean} [step] whether going back comes back to what was shown before
 */
function keepInAddress(view, step = false) {
  const address = `#gallery?${wordsOf(view)}`;
  if (address === location.hash) return;
  if (step) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

/** @param {string | null} word @param {string[]} words @param {string} otherwise */
function among(word, words, otherwise) {
  return word !== null && words.includes(word) ? word : otherwise;
}

/** @param {string[]} words */
function whole(words) {
  return [...new Set(words.filter((word) => /^\d{1,9}$/.test(word)).map(Number))];
}

/** @param {string | null} word */
function number(word) {
  return word !== null && word.trim() !== "" && Number.isFinite(Number(word)) ? Number(word) : null;
}

/** @param {string | null} word @param {number} otherwise */
function row(word, otherwise) {
  const found = word === null ? -1 : PAGE.sizes.indexOf(Number(word));
  return found < 0 ? otherwise : found;
}
