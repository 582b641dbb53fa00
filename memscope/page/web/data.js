"use strict";
// What the page embeds: one description (#data), columns, sheets of images, names of files. Columns are decoded once,
// when something first needs them.

/**
 * @typedef {object} Page
 * @property {number} version
 * @property {string} run
 * @property {string} axis "width" or "depth"
 * @property {number[]} sizes
 * @property {number} count examples in the gallery
 * @property {number} total examples of the run
 * @property {boolean} sampled
 * @property {{height: number, width: number}} image of a thumbnail, in pixels
 * @property {{columns: number, perSheet: number, sheets: number, type: string}} tiling
 * @property {string[]} classes
 * @property {string[]} types
 * @property {string[]} proxies
 * @property {Described[]} columns
 * @property {number} [drawn] of a sample: how many were drawn at random
 * @property {string[]} [extremes] of a sample: what the others are shown for
 * @property {PairsHeld[]} [pairs] by group of results: what examples carry
 * @property {{size: number, model: number} | null} [neighbours] the model in whose memory they are near
 */

/** @type {Page} */
const PAGE = JSON.parse(embedded("data") ?? "null");
/** @type {Map<string, Described>} */
const DESCRIBED = new Map(PAGE.columns.map((column) => [column.name, column]));
/** The columns that were decoded. @type {Map<string, Column>} */
const COLUMNS = new Map();
/** @type {Map<string, Promise<void>>} */
const decoding = new Map();
/** @type {Promise<string[]> | null} */
let names = null;

/**
 * The text of an embedded block; null if the page has no such block.
 * @param {string} id
 */
function embedded(id) {
  return document.getElementById(id)?.textContent ?? null;
}

/**
 * Have some columns decoded. Those that this page lacks are passed over.
 * @param {string[]} wanted
 */
async function need(wanted) {
  await Promise.all(wanted.map(decodeOnce));
}

/** @param {string} name */
function decodeOnce(name) {
  const described = DESCRIBED.get(name);
  const text = described && !decoding.has(name) ? embedded(`column-${name}`) : null;
  if (described && text !== null)
    decoding.set(
      name,
      decoded(described, text).then((column) => void COLUMNS.set(name, column)),
    );
  return decoding.get(name);
}

/** Names of the files, by position in the gallery; empty if the page has none. */
function fileNames() {
  const text = names ? null : embedded("names");
  if (text !== null) names = inflated(bytesOf(text)).then((bytes) => new TextDecoder().decode(bytes).split("\n"));
  return names ?? Promise.resolve([]);
}

/**
 * A value of a decoded column at an example, and a size if it has one for each; NaN if there is none.
 * @param {string} name
 * @param {number} example
 * @param {number} [row]
 */
function valueOf(name, example, row = 0) {
  const column = COLUMNS.get(name);
  return column ? valueAt(column, row * PAGE.count + example) : NaN;
}

/** @param {number} label */
function className(label) {
  return Number.isNaN(label) ? "–" : (PAGE.classes[label] ?? `class ${label}`);
}

/** @param {string} name */
function titleOf(name) {
  return DESCRIBED.get(name)?.title ?? name;
}

/** @param {string} name */
function hasRows(name) {
  const described = DESCRIBED.get(name);
  return described !== undefined && described.per !== "example";
}
