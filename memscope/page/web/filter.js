"use strict";
// Which examples a view shows, and how many each further choice would leave. Pure functions of columns.
// A filter marks the examples that fail it with a bit of its own. An example without a mark is shown; the choices of a
// filter are counted over the examples that no *other* filter marks. A pass over 50,000 examples takes a millisecond or so.

/**
 * @typedef {object} Facet something to choose by
 * @property {number} choices how many there are
 * @property {number[]} chosen those that are asked for; empty: no matter which
 * @property {(example: number, falls: (choice: number) => void) => void} of says under which choices an example falls
 * @typedef {object} Found
 * @property {Uint32Array} shown positions of the examples that pass, in the order of the gallery
 * @property {Map<string, Uint32Array>} counts of each facet that this page has: how many pass the other filters, by choice
 */

const FLIPPED = ["yes", "no"];
const COPIES = ["equal", "near", "some", "none"];
const SUGGESTED = ["other", "own"]; // and then every label
/** The columns that every view reads, besides types and score. */
const FILTERED_BY = ["label", "true_label", "suggested_label", "exact_group", "near_group"];

/**
 * @param {View} view
 * @param {Map<string, Column>} columns
 * @param {{count: number, sizes: number, classes: number, types: number}} numbers
 * @returns {Found}
 */
function filtered(view, columns, numbers) {
  const { count } = numbers;
  const rows = view.size < 0 ? [...Array(numbers.sizes).keys()] : [view.size];
  const facets = facetsOf(view, columns, numbers, rows);
  const marks = new Uint8Array(count);
  facets.forEach(([, facet], bit) => markUnchosen(facet, marks, 1 << bit));
  const score = columns.get("score");
  if (score && (view.low !== null || view.high !== null)) markOutside(score, view, rows, marks, 1 << facets.length);
  let passing = 0;
  const shown = new Uint32Array(count);
  for (let example = 0; example < count; example++) if (!marks[example]) shown[passing++] = example;
  const counts = new Map(facets.map(([name, facet], bit) => [name, countsOf(facet, marks, 255 & ~(1 << bit))]));
  return { shown: shown.slice(0, passing), counts };
}

/**
 * @param {View} view
 * @param {Map<string, Column>} columns
 * @param {{count: number, classes: number, types: number}} numbers
 * @param {number[]} rows
 * @returns {[string, Facet][]}
 */
function facetsOf(view, columns, { count, classes, types }, rows) {
  const [label, truth, type] = [columns.get("label"), columns.get("true_label"), columns.get(view.by)];
  const [equal, near, suggested] = ["exact_group", "near_group", "suggested_label"].map((name) => columns.get(name));
  /** @type {[string, Facet][]} */
  const facets = [];
  /** @param {Column | undefined} column @param {number} example */
  const has = (column, example) => column !== undefined && column.codes[example] !== column.missing;
  if (label) facets.push(["label", { choices: classes, chosen: view.labels, of: asItIs(label) }]);
  if (type) facets.push(["type", { choices: types, chosen: view.types, of: asItIs(type) }]);
  if (label && truth) {
    /** @type {Facet["of"]} */
    const of = (example, falls) => falls(has(truth, example) && truth.codes[example] !== label.codes[example] ? 0 : 1);
    facets.push(["flipped", { choices: 2, chosen: chosenOf(FLIPPED, view.flipped), of }]);
  }
  if (label && suggested) {
    /** @type {Facet["of"]} */
    const of = (example, falls) => {
      for (const row of rows) {
        const code = suggested.codes[row * count + example];
        if (code === undefined || code === suggested.missing) continue;
        falls(code === label.codes[example] ? 1 : 0);
        falls(SUGGESTED.length + code);
      }
    };
    const words = [...SUGGESTED, ...Array(classes).keys()].map(String);
    facets.push(["suggested", { choices: words.length, chosen: chosenOf(words, view.suggested), of }]);
  }
  if (equal || near) {
    /** @type {Facet["of"]} */
    const of = (example, falls) => {
      const [same, alike] = [has(equal, example), has(near, example)];
      if (same) falls(0);
      if (alike) falls(1);
      falls(same || alike ? 2 : 3);
    };
    facets.push(["copies", { choices: COPIES.length, chosen: chosenOf(COPIES, view.copies), of }]);
  }
  return facets;
}

/** @param {Column} column @returns {Facet["of"]} */
function asItIs(column) {
  return (example, falls) => falls(column.codes[example] ?? -1);
}

/** @param {string[]} words @param {string} word */
function chosenOf(words, word) {
  return word ? [words.indexOf(word)] : [];
}

/** @param {Facet} facet @param {Uint8Array} marks @param {number} mark */
function markUnchosen(facet, marks, mark) {
  if (!facet.chosen.length) return;
  const wanted = new Set(facet.chosen);
  let passes = false;
  /** @param {number} choice */
  const look = (choice) => {
    passes ||= wanted.has(choice);
  };
  for (let example = 0; example < marks.length; example++) {
    passes = false;
    facet.of(example, look);
    if (!passes) marks[example] = (marks[example] ?? 0) | mark;
  }
}

/** @param {Column} score @param {View} view @param {number[]} rows @param {Uint8Array} marks @param {number} mark */
function markOutside(score, view, rows, marks, mark) {
  const [from, to] = codesBetween(score, view.low, view.high);
  const count = marks.length;
  for (let example = 0; example < count; example++) {
    const inside = rows.some((row) => {
      const code = score.codes[row * count + example] ?? -1;
      return code !== score.missing && code >= from && code <= to;
    });
    if (!inside) marks[example] = (marks[example] ?? 0) | mark;
  }
}

/** @param {Facet} facet @param {Uint8Array} marks @param {number} others the marks of the other filters */
function countsOf(facet, marks, others) {
  const counts = new Uint32Array(facet.choices); // which takes no notice of a choice that there is not
  const last = new Int32Array(facet.choices).fill(-1); // an example counts once, at however many sizes it falls there
  let example = 0;
  /** @param {number} choice */
  const add = (choice) => {
    if (last[choice] === example) return;
    last[choice] = example;
    counts[choice] = (counts[choice] ?? 0) + 1;
  };
  for (; example < marks.length; example++) if (!((marks[example] ?? 0) & others)) facet.of(example, add);
  return counts;
}
