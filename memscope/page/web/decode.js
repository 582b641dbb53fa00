"use strict";
// Columns of the page: base64 of a deflated array of whole numbers, and what these mean.

/**
 * @typedef {Uint8Array | Uint16Array | Int32Array} Codes
 * @typedef {object} Described what the page says of a column
 * @property {string} name
 * @property {string} title
 * @property {"uint8" | "uint16" | "int32"} kind
 * @property {string} per "example"; or else "size", "neighbour", ...: a row of examples for each
 * @property {number | null} low the value of code 0; null where codes are the values themselves
 * @property {number | null} high the value of the last but one code, as the last means that there is none
 * @property {number | null} missing the code that means none
 * @property {string | null} [group]
 * @property {number | null} [least] the smallest value there is, where values are measured
 * @property {number | null} [most] the largest
 * @property {boolean} [counts] whether values are numbers of things
 * @property {boolean} [endless] whether the last code before the one for none stands for infinity
 * @typedef {object} Column
 * @property {Described} described
 * @property {Codes} codes row after row, an example each
 * @property {number} step between the values of two codes
 * @property {number | null} missing
 */

const KINDS = { uint8: Uint8Array, uint16: Uint16Array, int32: Int32Array };

/**
 * @param {string} text base64
 * @returns {Uint8Array<ArrayBuffer>}
 */
function bytesOf(text) {
  const native = /** @type {{fromBase64?: (text: string) => Uint8Array<ArrayBuffer>}} */ (Uint8Array).fromBase64;
  if (native) return native(text); // browsers from 2025 on; ten times as fast
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes deflated, without a header
 * @returns {Promise<ArrayBuffer>}
 */
function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}

/**
 * @param {Described} described
 * @param {string} text base64 of the deflated codes
 * @returns {Promise<Column>}
 */
async function decoded(described, text) {
  const codes = new KINDS[described.kind](await inflated(bytesOf(text)));
  if (described.low === null || described.high === null)
    return { described, codes, step: 1, missing: described.missing };
  const last = 2 ** (8 * codes.BYTES_PER_ELEMENT) - 2;
  return { described, codes, step: (described.high - described.low) / last, missing: last + 1 };
}

/**
 * The value at a place of a column; NaN if there is none.
 * @param {Column} column
 * @param {number} place row * number of examples + example
 */
function valueAt(column, place) {
  const code = column.codes[place];
  if (code === undefined || code === column.missing) return NaN;
  if (column.described.endless && code === (column.missing ?? 0) - 1) return Infinity;
  return (column.described.low ?? 0) + code * column.step;
}

/**
 * The codes whose values lie between two: a value on the border is in, though it was rounded to a code.
 * @param {Column} column
 * @param {number | null} low
 * @param {number | null} high
 * @returns {[number, number]}
 */
function codesBetween(column, low, high) {
  const start = column.described.low ?? 0;
  const step = column.step || 1;
  const from = low === null ? -Infinity : Math.ceil((low - start) / step - 0.5 - 1e-6);
  const to = high === null ? Infinity : Math.floor((high - start) / step + 0.5 + 1e-6);
  return [from, to];
}
