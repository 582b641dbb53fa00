"use strict";
// Elements made from data. Names of classes and files are whatever somebody called them, so text only ever becomes a text
// node or the value of an attribute whose name is written here: nothing of the data is parsed as markup, anywhere.

/**
 * @typedef {Node | string | null | undefined} Child
 * @typedef {Record<string, string | number | boolean | null | undefined>} Attributes
 */

/**
 * An element. An attribute that is true stands without a value, one that is false, null or undefined is left out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  attribute(made, attributes);
  for (const child of children) if (child != null) made.append(child);
  return made;
}

/**
 * The same in SVG.
 * @param {string} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 */
function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  attribute(made, attributes);
  for (const child of children) if (child != null) made.append(child);
  return made;
}

/**
 * @param {Element} made
 * @param {Attributes} attributes
 */
function attribute(made, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value != null && value !== false) made.setAttribute(name, String(value));
  }
}

/**
 * A button that does something.
 * @param {string} text
 * @param {() => void} does
 * @param {Attributes} [attributes]
 */
function button(text, does, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", does);
  return made;
}

/**
 * A select whose options have a value and a text each.
 * @param {[string, string][]} options
 * @param {Attributes} [attributes]
 */
function choice(options, attributes = {}) {
  return element("select", attributes, ...options.map(([value, text]) => element("option", { value }, text)));
}

/**
 * A number for people: two digits after the point, a true minus sign, a dash for none.
 * @param {number} value
 */
function told(value) {
  return toldTo(2, value);
}

/** The same with at most so many digits after the point. @param {number} most @param {number} value */
function toldTo(most, value) {
  if (Number.isNaN(value)) return "–";
  if (value === Infinity) return "∞";
  const size = Math.abs(value);
  const digits = size.toFixed(size >= 100 ? 0 : size >= 10 ? Math.min(most, 1) : most);
  return (value < 0 && Number(digits) !== 0 ? "\u2212" : "") + digits;
}

/** @param {number} count */
function counted(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}
