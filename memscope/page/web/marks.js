"use strict";
// Signs of the types, beside their colours: nothing is told by colour alone. Colours are in page.css (--type-NAME).

/** @type {Record<string, string>} */
const TYPE_SIGNS = {
  constant: "●",
  increasing: "▲",
  decreasing: "▼",
  "cap-shaped": "◆",
  "u-shaped": "■",
  irregular: "✖",
  undetermined: "○",
};

/**
 * The sign of a type.
 * @param {string} type
 */
function typeSign(type) {
  const sign = element("span", { class: "sign", "aria-hidden": "true" }, TYPE_SIGNS[type] ?? "·");
  if (type in TYPE_SIGNS) sign.style.color = `var(--type-${type})`;
  return sign;
}

/** The name of the type of an example, by one of the columns of types. @param {string} by @param {number} example */
function typeName(by, example) {
  return PAGE.types[valueOf(by, example)] ?? "–";
}

/** Whether the label of an example was flipped, as far as this page knows. @param {number} example */
function isFlipped(example) {
  const truth = valueOf("true_label", example);
  return !Number.isNaN(truth) && truth !== valueOf("label", example);
}

/** A size, in words: "width 16". @param {number} row */
function sizeName(row) {
  return `${PAGE.axis} ${PAGE.sizes[row] ?? "?"}`;
}
