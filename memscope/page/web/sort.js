"use strict";
// The order of the examples that are shown. A pure function of a column.

/**
 * Some examples by the values of a row of a column; those without a value last, whichever way; equal ones as they were.
 * Each code and place make one number, since sorting numbers in a typed array needs no function to compare them.
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
  const top = 2 ** (8 * codes.BYTES_PER_ELEMENT);
  const keys = new Float64Array(shown.length);
  for (let place = 0; place < shown.length; place++) {
    const code = codes[row * count + (shown[place] ?? 0)] ?? 0;
    const rank = code === missing ? 2 * top : up ? code : top - code;
    keys[place] = rank * count + place;
  }
  keys.sort();
  return Uint32Array.from(keys, (key) => shown[((key % count) + count) % count] ?? 0);
}
