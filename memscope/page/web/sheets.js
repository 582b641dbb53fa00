"use strict";
// The images. They lie on large sheets, each a picture that is decoded when one of its tiles is first shown.

// Decoded sheets are kept up to this many pixels, 256 MB: 16 sheets of 2048 x 2048, which hold 50,000 tiles of 32 x 32.
const KEPT_PIXELS = 2 ** 26;
/** Sheets by number, the longest unused first. @type {Map<number, Promise<ImageBitmap>>} */
const sheets = new Map();

/**
 * A sheet, decoded. Refused if it did not come out in its own size: some machines halve large pictures without a word,
 * and every tile would then show another example's image.
 * @param {number} number
 */
function sheet(number) {
  const known = sheets.get(number);
  sheets.delete(number);
  const coming = known ?? decodeSheet(number);
  sheets.set(number, coming);
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

/** @param {number} number */
async function decodeSheet(number) {
  await new Promise((next) => setTimeout(next)); // first let all tiles be laid out
  const { columns, perSheet, type } = PAGE.tiling;
  const bitmap = await createImageBitmap(new Blob([bytesOf(embedded(`sheet-${number}`) ?? "")], { type }));
  const tiles = Math.min(perSheet, PAGE.count - number * perSheet);
  const width = Math.min(columns, tiles) * PAGE.image.width;
  const height = Math.ceil(tiles / columns) * PAGE.image.height;
  const fits = bitmap.width >= width && bitmap.width <= columns * PAGE.image.width && bitmap.height >= height;
  if (!fits) throw new Error(`sheet ${number} was decoded as ${bitmap.width} x ${bitmap.height} pixels`);
  return bitmap;
}

/**
 * A canvas that shows an example's image, as soon as its sheet is there. It never shows another.
 * @param {number} example position in the gallery
 */
function picture(example) {
  const { width, height } = PAGE.image;
  const canvas = element("canvas", { width, height, class: width <= 40 ? "picture pixels" : "picture" });
  canvas.dataset.example = String(example);
  const { columns, perSheet } = PAGE.tiling;
  const tile = example % perSheet;
  const left = (tile % columns) * width;
  const top = Math.floor(tile / columns) * height;
  sheet(Math.floor(example / perSheet)).then(
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
