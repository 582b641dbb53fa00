"use strict";
// One image, opened: what it is, its trajectory, what models say of it, what attacks find, what it carries, its neighbours
// in the residual memory.

/**
 * @typedef {object} Detail
 * @property {(example: number, order: Uint32Array) => Promise<void>} open
 * @property {() => void} close
 * @property {() => number | null} shown
 */

/**
 * @param {(example: number | null) => void} changed is told what is open now
 * @returns {Detail}
 */
function makeDetail(changed) {
  const heading = element("h3", { id: "detail-title", tabindex: -1 });
  const body = element("div", { class: "body" });
  const where = element("span", { class: "where" });
  const before = button("‹ Previous", () => step(-1));
  const after = button("Next ›", () => step(1));
  const bar = element(
    "div",
    { class: "bar" },
    before,
    where,
    after,
    button("Close", () => dialog.close()),
  );
  const dialog = element("dialog", { class: "detail", "aria-labelledby": "detail-title" }, bar, heading, body);
  document.body.append(dialog);
  /** @type {number | null} */
  let shown = null;
  /** @type {Uint32Array} */
  let order = new Uint32Array();

  /** @param {number} example @param {Uint32Array} among */
  async function open(example, among) {
    [shown, order] = [example, among];
    await need([...DESCRIBED.keys()]);
    const names = await fileNames();
    const pairs = await everyPair();
    if (shown !== example) return; // another was asked for meanwhile
    const place = order.indexOf(example);
    where.textContent = place < 0 ? "" : `${counted(place + 1)} of ${counted(order.length)}`;
    before.disabled = place <= 0;
    after.disabled = place < 0 || place === order.length - 1;
    heading.textContent = `Example ${exampleInRun(example)}: ${className(valueOf("label", example))}`;
    const [others, neighbours] = [tableOfOthers(example), neighboursOf(example)];
    const attack = tableOfAttack(example);
    body.replaceChildren(
      element("div", { class: "top" }, facts(example, names[example] ?? ""), trajectory(example)),
      tableOfSizes(example),
      ...(attack ? [attack] : []),
      ...(others ? [others] : []),
      ...pairs.flatMap((some) => carriedBy(example, some)),
      ...(neighbours ? [neighbours] : []),
    );
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    if (!dialog.contains(document.activeElement) || document.activeElement === dialog) heading.focus();
    changed(example);
  }

  /** @param {number} by */
  function step(by) {
    const next = shown === null ? -1 : order.indexOf(shown) + by;
    const example = order[next];
    if (example !== undefined && shown !== null && order.includes(shown)) void open(example, order);
  }

  /** @param {number} example */
  function neighboursOf(example) {
    const described = COLUMNS.get("neighbours");
    if (!described) return null;
    const memory = PAGE.neighbours;
    const rows = [...Array(Math.floor(described.codes.length / PAGE.count)).keys()];
    const found = rows
      .map((row) => valueOf("neighbours", example, row))
      .filter((other) => other >= 0 && other < PAGE.count);
    const items = found.map((other) => {
      const name = className(valueOf("label", other));
      const opens = button("", () => void open(other, order), { title: name, "data-example": other });
      opens.append(picture(other), element("span", {}, name));
      return element("li", {}, opens);
    });
    const none = element("p", {}, "None of them is in this gallery.");
    return element(
      "section",
      { class: "neighbours", "aria-label": "Neighbours" },
      element("h4", {}, "Neighbours in the residual memory, nearest first"),
      memory ? element("p", { class: "quiet" }, `That of model ${memory.model} at ${PAGE.axis} ${memory.size}.`) : null,
      items.length ? element("ol", {}, ...items) : none,
    );
  }

  dialog.addEventListener("close", () => {
    shown = null;
    changed(null);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
  dialog.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target instanceof Element && event.target.closest(".scroll")) return; // whose arrows scroll
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
  });
  return { open, close: () => dialog.close(), shown: () => shown };
}

/** An example's position in the run. @param {number} example */
function exampleInRun(example) {
  const position = valueOf("example", example);
  return Number.isNaN(position) ? example : position;
}

/** @param {number} example @param {string} name of its file */
function facts(example, name) {
  /** @type {[string, string][]} */
  const said = [["label", className(valueOf("label", example))]];
  if (isFlipped(example)) said.push(["true label", `${className(valueOf("true_label", example))} (it was flipped)`]);
  const words = { called_type: "type, called", type: "type, raw", population_type: "type, population" };
  for (const [column, word] of Object.entries(words))
    if (DESCRIBED.has(column)) said.push([word, typeName(column, example)]);
  if (DESCRIBED.has("change")) said.push(["change over sizes", told(valueOf("change", example))]);
  for (const [column, word] of Object.entries({ exact_group: "equal images", near_group: "near-equal images" }))
    if (!Number.isNaN(valueOf(column, example))) said.push([word, `group ${valueOf(column, example)}`]);
  if (name) said.push(["name", name]);
  const index = valueOf("index", example);
  if (!Number.isNaN(index)) said.push(["index in the data", String(index)]);
  return element(
    "div",
    { class: "facts" },
    picture(example),
    element("dl", {}, ...said.flatMap(([term, text]) => [element("dt", {}, term), element("dd", {}, text)])),
  );
}
