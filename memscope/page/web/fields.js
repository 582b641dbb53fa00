"use strict";
// Fields of the form over the gallery that show, beside each choice, how many images it would leave.

/**
 * @typedef {object} Field
 * @property {HTMLElement} box
 * @property {(view: View, found: Found) => void} update
 */

/**
 * Check boxes, of which several may be chosen.
 * @param {string} facet
 * @param {"labels" | "types"} chosen the part of the view that they set
 * @param {string} legend
 * @param {string[]} words
 * @param {(change: Partial<View>) => void} changes
 * @param {(word: string) => Child} [sign]
 * @returns {Field}
 */
function checks(facet, chosen, legend, words, changes, sign) {
  const choices = words.map((word, code) => {
    const input = element("input", { type: "checkbox", value: code });
    const count = element("span", { class: "number" });
    const name = element("span", { class: "name", title: word }, word);
    return { input, count, label: element("label", {}, input, sign?.(word), name, count) };
  });
  const box = element("fieldset", { class: `checks ${chosen}` }, element("legend", {}, legend));
  box.append(element("div", { class: "choices" }, ...choices.map(({ label }) => label)));
  box.addEventListener("change", (event) => {
    if (!(event.target instanceof HTMLInputElement)) return;
    const codes = choices.flatMap(({ input }, code) => (input.checked ? [code] : []));
    changes(chosen === "labels" ? { labels: codes } : { types: codes });
  });
  /** @type {Field["update"]} */
  const update = (view, { counts }) => {
    const numbers = counts.get(facet) ?? [];
    choices.forEach(({ input, count, label }, code) => {
      input.checked = view[chosen].includes(code);
      count.textContent = counted(numbers[code] ?? 0);
      label.classList.toggle("none", !numbers[code]);
    });
  };
  return { box, update };
}

/**
 * A select, of which one choice or none is made.
 * @param {"flipped" | "suggested" | "copies"} facet also the part of the view that it sets
 * @param {string} legend
 * @param {string[]} values
 * @param {string[]} words
 * @param {(change: Partial<View>) => void} changes
 * @returns {Field}
 */
function picked(facet, legend, values, words, changes) {
  const select = choice([["", "no matter"], ...values.map((value, at) => pair(value, words[at] ?? value))]);
  select.addEventListener("change", () => changes({ [facet]: select.value }));
  /** @type {Field["update"]} */
  const update = (view, { counts }) => {
    select.value = view[facet];
    const numbers = counts.get(facet) ?? [];
    words.forEach((word, at) => {
      const option = select.options[at + 1];
      if (option) option.textContent = `${word} (${counted(numbers[at] ?? 0)})`;
    });
  };
  return { box: element("label", { class: "line" }, element("span", {}, legend), select), update };
}

/**
 * An end of the range of scores, which says beside it what is there; what codes could say may go far beyond that.
 * @param {"low" | "high"} end
 * @param {string} word
 * @param {(change: Partial<View>) => void} changes
 * @returns {Field}
 */
function bound(end, word, changes) {
  const { least, most } = DESCRIBED.get("score") ?? {};
  const furthest = end === "low" ? least : most;
  const placeholder = furthest == null ? null : told(furthest);
  const input = element("input", { type: "number", step: 0.05, min: -1, max: 1, placeholder });
  input.addEventListener("input", () => changes({ [end]: number(input.value) }));
  /** @type {Field["update"]} */
  const update = (view) => {
    if (document.activeElement !== input) input.value = view[end] === null ? "" : String(view[end]); // not while it is typed
  };
  return { box: element("label", {}, word, " ", input), update };
}

/**
 * A select of one of the parts of a view that are never empty.
 * @param {string} legend
 * @param {[string, string][]} options
 * @param {(view: View) => string} value
 * @param {(value: string) => Partial<View>} change
 * @param {(change: Partial<View>) => void} changes
 * @returns {Field}
 */
function chosenFrom(legend, options, value, change, changes) {
  const select = choice(options);
  select.addEventListener("change", () => changes(change(select.value)));
  return {
    box: element("label", { class: "line" }, element("span", {}, legend), select),
    update: (view) => void (select.value = value(view)),
  };
}

/** @param {string} value @param {string} text @returns {[string, string]} */
function pair(value, text) {
  return [value, text];
}
