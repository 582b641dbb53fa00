"use strict";
// The images. They lie on large sheets, each a picture that is decoded when one of its tiles is first shown.

/**
 * Images on sheets of their own: those of the gallery, or those that examples of the gallery carry.
 * @typedef {object} Tiles
 * @property {string} id of the embedded sheets, before their number
 * @property {number} count
 * @property {{height: number, width: number}} image of a thumbnail, in pixels
 * @property {{columns: number, perSheet: number, sheets: number, type: string}} tiling
 */

/** @type {Tiles} */
const GALLERY_TILES = { id: "sheet-", count: PAGE.count, image: PAGE.image, tiling: PAGE.tiling };
// Decoded sheets are kept up to this many pixels, 256 MB: 16 sheets of 2048 x 2048, which hold 50,000 tiles of 32 x 32.
const KEPT_PIXELS = 2 ** 26;
/** Sheets by id, the longest unused first. @type {Map<string, Promise<ImageBitmap>>} */
const sheets = new Map();

/**
 * A sheet, decoded. Refused if it did not come out in its own size: some machines halve large pictures without a word,
 * and every tile would then show another example's image.
 * @param {number} number
 * @param {Tiles} tiles
 */
function sheet(number, tiles) {
  const id = tiles.id + number;
  const known = sheets.get(id);
  sheets.delete(id);
  const coming = known ?? decodeSheet(number, tiles);
  sheets.set(id, coming);
  const { columns, perSheet } = PAGE.tiling;
  const pixels = Math.ceil(perSheet / columns) * PAGE.image.height * columns * PAGE.image.width;
  for (const [oldest, bitmap] of sheets) {
    if (sheets.size <= Math.max(1, Math.floor(KEPT_PIXELS / pixels))) break;
    sheets.delete(oldest);
    bitmap.then(
      (old) => old.close(),
      () => undefined,
    ); // after the draws that already wait for it
  }
  return coming;
}

/** @param {number} number @param {Tiles} tiles */
async function decodeSheet(number, { id, count, image, tiling }) {
  await new Promise((next) => setTimeout(next)); // first let all tiles be laid out
  const { columns, perSheet, type } = tiling;
  const bitmap = await createImageBitmap(new Blob([bytesOf(embedded(id + number) ?? "")], { type }));
  const tiles = Math.min(perSheet, count - number * perSheet);
  const width = Math.min(columns, tiles) * image.width;
  const height = Math.ceil(tiles / columns) * image.height;
  const fits = bitmap.width >= width && bitmap.width <= columns * image.width && bitmap.height >= height;
  if (!fits) throw new Error(`sheet ${number} was decoded as ${bitmap.width} x ${bitmap.height} pixels`);
  return bitmap;
}

/**
 * A canvas that shows an example's image, as soon as its sheet is there. It never shows another.
 * @param {number} example position in the gallery, or among other tiles
 * @param {Tiles} [tiles]
 */
function picture(example, tiles = GALLERY_TILES) {
  const { width, height } = tiles.image;
  const canvas = element("canvas", { width, height, class: width <= 40 ? "picture pixels" : "picture" });
  canvas.dataset.example = String(example);
  const { columns, perSheet } = tiles.tiling;
  const tile = example % perSheet;
  const left = (tile % columns) * width;
  const top = Math.floor(tile / columns) * height;
  sheet(Math.floor(example / perSheet), tiles).then(
    (bitmap) => {
      // hundreds of little canvases are better kept out of the graphics processor, which this asks for
      canvas
        .getContext("2d", { willReadFrequently: true })
        ?.drawImage(bitmap, left, top, width, height, 0, 0, width, height);
      canvas.dataset.shown = "yes";
    },
    (error) => {
      canvas.dataset.shown = "failed";
      canvas.title = `not shown: ${error instanceof Error ? error.message : error}`;
    },
  );
  return canvas;
}
