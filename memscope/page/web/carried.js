"use strict";
// What an example carries: the listed pairs of influence, and the images of these, which are no examples of the gallery.

/**
 * @typedef {object} PairsHeld what the page says of the pairs of a group of results
 * @property {string} group
 * @property {"test" | "train"} part where the second images are from
 * @property {number} listed pairs, on the page or not
 * @property {number} pairs on the page
 * @property {number} images
 * @property {number} step of influence and its standard error
 * @property {{height: number, width: number}} image
 * @property {{columns: number, perSheet: number, sheets: number, type: string}} tiling
 * @typedef {object} Pairs
 * @property {PairsHeld} held
 * @property {Int32Array[]} rows gallery position, place of the image, size, 1 or -1 for helpful or harmful, influence and
 *   its standard error in steps
 * @property {Int32Array[]} images position in the run, and label
 * @property {Tiles} tiles
 */

const CARRIED_SHOWN = 24; // of one size, without being asked for more
const UNKNOWN_STEPS = -(2 ** 31); // of influence or its standard error
/** @type {Promise<Pairs[]> | null} */
let pairsRead = null;

/** The pairs of every group, read once. */
function everyPair() {
  pairsRead ??= Promise.all((PAGE.pairs ?? []).map(readPairs));
  return pairsRead;
}

/** @param {PairsHeld} held @returns {Promise<Pairs>} */
async function readPairs(held) {
  const all = new Int32Array(await inflated(bytesOf(embedded(`pairs-${held.group}`) ?? "")));
  /** @param {number} first @param {number} count @param {number} rows */
  const cut = (first, count, rows) =>
    [...Array(rows).keys()].map((row) => all.subarray(first + row * count, first + (row + 1) * count));
  return {
    held,
    rows: cut(0, held.pairs, 6),
    images: cut(6 * held.pairs, held.images, 2),
    tiles: { id: `pairs-${held.group}-sheet-`, count: held.images, image: held.image, tiling: held.tiling },
  };
}

/**
 * What an example carries and what it harms, the largest size first; nothing where no pair of it is on the page.
 * @param {number} example
 * @param {Pairs} pairs
 * @returns {HTMLElement[]}
 */
function carriedBy(example, pairs) {
  const [train, , sizes, ways] = pairs.rows;
  if (!train || !sizes || !ways) return [];
  const mine = [...train.keys()].filter((pair) => train[pair] === example);
  if (!mine.length) return [];
  const kind = pairs.held.part === "train" ? "training images" : "test images";
  const found = [...new Set(mine.map((pair) => sizes[pair] ?? 0))].sort((one, other) => other - one);
  const parts = found.flatMap((size, place) =>
    [1, -1].flatMap((way) => {
      const some = mine.filter((pair) => sizes[pair] === size && ways[pair] === way);
      return some.length
        ? [carriedAt(pairs, some, size, way, kind, place === 0, listedOf(example, pairs, size, way))]
        : [];
    }),
  );
  const title = pairs.held.part === "train" ? "Training images that it carries" : "Test images that it carries";
  return [
    element(
      "section",
      { class: "carried", "aria-label": title },
      element("h4", {}, title),
      element(
        "p",
        { class: "quiet" },
        "Under each its influence ± standard error, in models that had no part in the choice or the order of the pairs.",
      ),
      ...parts,
    ),
  ];
}

/** How many helpful pairs it has at a size, on the page or not; of harmful ones that is not known. @param {number} example @param {Pairs} pairs @param {number} size @param {number} way */
function listedOf(example, pairs, size, way) {
  const row = PAGE.sizes.indexOf(size);
  const name = pairs.held.group.replace("influence", "carries");
  return way < 0 || row < 0 ? NaN : valueOf(name, example, row);
}

/**
 * @param {Pairs} pairs
 * @param {number[]} some pairs of one size
 * @param {number} size
 * @param {number} way
 * @param {string} kind
 * @param {boolean} open
 * @param {number} listed
 */
function carriedAt(pairs, some, size, way, kind, open, listed) {
  const number = Number.isNaN(listed) ? some.length : Math.round(listed);
  const one = number === 1 ? kind.slice(0, -1) : kind;
  const words = `${PAGE.axis} ${size}: ${way > 0 ? "carries" : "harms"} ${counted(number)} ${one}`;
  const shown = some.slice(0, CARRIED_SHOWN).map((pair) => carriedImage(pairs, pair));
  const left = number - shown.length;
  if (left > 0) shown.push(element("li", { class: "left" }, `${counted(left)} more`));
  return element("details", { open }, element("summary", {}, words), element("ul", { class: "borne" }, ...shown));
}

/** @param {Pairs} pairs @param {number} pair */
function carriedImage({ held, rows, images, tiles }, pair) {
  const [, places, , , values, errors] = rows;
  const place = places?.[pair] ?? 0;
  const name = `${held.part === "train" ? "training" : "test"} image ${images[0]?.[place]}`;
  const label = className(images[1]?.[place] ?? NaN);
  const canvas = picture(place, tiles);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${name}: ${label}`);
  canvas.title = `${name}: ${label}`;
  const [value, error] = [values, errors].map((row) => {
    const steps = row?.[pair] ?? UNKNOWN_STEPS;
    return steps === UNKNOWN_STEPS ? NaN : steps * held.step;
  });
  const words = told(value ?? NaN) + (Number.isNaN(error) ? "" : ` ± ${told(error ?? NaN)}`);
  return element("li", {}, canvas, element("span", {}, words));
}
