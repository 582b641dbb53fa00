"use strict";
// The tables of one example: its score and what models that did not see it say, at each size; and what else was measured.

/** Columns that other tables and the facts tell; all other measured ones are in the second table here. */
const TOLD_FIRST = new Set([
  ...["score", "score_low", "score_high", "population_score", "population_sd", "accuracy_in", "accuracy_out"],
  ...["suggested_share", "change", "log_odds_in", "log_odds_out", "ratio_in"],
]);

/** @param {number} example */
function tableOfSizes(example) {
  /** @type {[string, (row: number) => string, string][]} */
  const parts = [
    ["score (95 % interval)", (row) => withInterval(example, row), "score"],
    ["population (± sd)", (row) => withDeviation(example, row), "population_score"],
    ["accuracy with it", (row) => told(valueOf("accuracy_in", example, row)), "accuracy_in"],
    ["without it", (row) => told(valueOf("accuracy_out", example, row)), "accuracy_out"],
    ["models without it say", (row) => suggestion(example, row), "suggested_label"],
  ];
  const there = parts.filter(([, , name]) => DESCRIBED.has(name));
  const rows = PAGE.sizes.map((size, row) => [String(size), ...there.map(([, cell]) => cell(row))]);
  return table("What models say at each size", [PAGE.axis, ...there.map(([heading]) => heading)], rows);
}

/** A value of a column for people; a number of things is whole. @param {string} name @param {number} example @param {number} [row] */
function toldOf(name, example, row = 0) {
  const value = valueOf(name, example, row);
  return DESCRIBED.get(name)?.counts && !Number.isNaN(value) ? counted(Math.round(value)) : told(value);
}

/** @param {number} example @param {number} row */
function withInterval(example, row) {
  const [value, low, high] = ["score", "score_low", "score_high"].map((name) => valueOf(name, example, row));
  const interval = Number.isNaN(low) || low === undefined ? "" : ` (${told(low)} to ${told(high ?? NaN)})`;
  return told(value ?? NaN) + interval;
}

/** @param {number} example @param {number} row */
function withDeviation(example, row) {
  const sd = valueOf("population_sd", example, row);
  return told(valueOf("population_score", example, row)) + (Number.isNaN(sd) ? "" : ` ± ${told(sd)}`);
}

/** @param {number} example @param {number} row */
function suggestion(example, row) {
  const label = valueOf("suggested_label", example, row);
  const share = valueOf("suggested_share", example, row);
  if (Number.isNaN(label)) return "–";
  const own = label === valueOf("label", example) ? "" : " ≠ label";
  return className(label) + (Number.isNaN(share) ? "" : ` (${Math.round(100 * share)} %)`) + own;
}

/** The class that models trained without an example say it is, if that is not its label. @param {View} view @param {number} example */
function disputed({ size }, example) {
  const row = size < 0 ? PAGE.sizes.length - 1 : size;
  const label = valueOf("suggested_label", example, row);
  return Number.isNaN(label) || label === valueOf("label", example) ? "" : className(label);
}

/** What else was measured of an example; null if nothing was. @param {number} example */
function tableOfOthers(example) {
  const others = PAGE.columns.filter(({ name, low }) => low !== null && !TOLD_FIRST.has(name));
  const rows = others
    .map(({ name, title }) => {
      const values = hasRows(name) ? [...PAGE.sizes.keys()] : [0];
      return [title, ...values.map((row) => toldOf(name, example, row))]; // one value may stand for all sizes
    })
    .filter(([, ...cells]) => cells.some((cell) => cell !== "–"));
  return rows.length ? table("Also measured", [`at ${PAGE.axis}`, ...PAGE.sizes.map(String)], rows) : null;
}

/**
 * A table whose first column is headings. A row that has only one cell more has it under all columns.
 * @param {string} caption
 * @param {string[]} headings
 * @param {string[][]} rows
 */
function table(caption, headings, rows) {
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("caption", {}, element("span", {}, caption)),
      element("thead", {}, element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text)))),
      element(
        "tbody",
        {},
        ...rows.map(([head, ...cells]) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, head),
            ...cells.map((cell) => element("td", { colspan: cells.length === 1 ? headings.length - 1 : null }, cell)),
          ),
        ),
      ),
    ),
  );
}
