"use strict";
// The order of the examples that are shown. A pure function of a column.

/**
 * Some examples by the values of a row of a column; those without a value last, whichever way; equal ones as they were.
 * Codes are few, so the examples of each are counted and then laid in their places: one pass, nothing is compared.
 * @param {Uint32Array} shown
 * @param {Column | undefined} column undefined: leave them in their order in the run
 * @param {number} row
 * @param {boolean} up smallest first
 * @param {number} count of all examples
 * @returns {Uint32Array}
 */
function sorted(shown, column, row, up, count) {
  if (!column) return up ? shown : shown.slice().reverse();
  const { codes, missing } = column;
  const top = 2 ** (8 * Math.min(2, codes.BYTES_PER_ELEMENT)); // whole numbers of 32 bits are not sorted by
  const ranks = new Uint32Array(shown.length);
  const starts = new Uint32Array(top + 2); // where the examples of each rank begin
  for (let place = 0; place < shown.length; place++) {
    const code = codes[row * count + (shown[place] ?? 0)] ?? 0;
    const rank = code === missing ? top : up ? code : top - 1 - code;
    ranks[place] = rank;
    starts[rank + 1] = (starts[rank + 1] ?? 0) + 1;
  }
  for (let rank = 1; rank < starts.length; rank++) starts[rank] = (starts[rank] ?? 0) + (starts[rank - 1] ?? 0);
  const order = new Uint32Array(shown.length);
  for (let place = 0; place < shown.length; place++) {
    const rank = ranks[place] ?? 0;
    const at = starts[rank] ?? 0;
    order[at] = shown[place] ?? 0;
    starts[rank] = at + 1;
  }
  return order;
}
