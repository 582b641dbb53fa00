"use strict";
// A grid of as many images as there are, of which only the rows in sight are in the document. It is one stop of the
// tabulator key; arrows, Home, End and the page keys move in it, Enter opens an image.

/**
 * @typedef {object} Gallery
 * @property {HTMLElement} box
 * @property {(order: Uint32Array, view: View) => void} show
 * @property {(place: number) => void} focus move to a place in the order, and have the keyboard there
 * @property {() => Uint32Array} order
 */

const ROWS_AROUND = 2; // in the document above and below those in sight

/**
 * @param {(example: number) => void} opens what to do with the example that is asked for
 * @returns {Gallery}
 */
function makeGallery(opens) {
  const rows = element("div", { role: "rowgroup", class: "rows" });
  const box = element("div", { role: "grid", class: "grid", "aria-label": "Training images" }, rows);
  /** Rows in the document, by number. @type {Map<number, HTMLElement>} */
  const present = new Map();
  /** @type {Uint32Array} */
  let order = new Uint32Array();
  let view = startView();
  let [across, rowHeight] = [1, 100];
  let active = 0; // the place that the tabulator key comes to
  let waiting = false;

  function lay() {
    const focused = box.contains(document.activeElement);
    box.hidden = order.length === 0;
    const style = getComputedStyle(box);
    const tile = parseFloat(style.getPropertyValue("--tile"));
    rowHeight = parseFloat(style.getPropertyValue("--row"));
    across = Math.max(1, Math.floor(rows.clientWidth / tile));
    const height = Math.ceil(order.length / across) * rowHeight;
    rows.style.height = `${height}px`;
    box.style.height = `${height}px`; // page.css keeps it below the height of the window
    box.setAttribute("aria-rowcount", String(Math.ceil(order.length / across)));
    box.setAttribute("aria-colcount", String(across));
    for (const row of present.values()) row.remove();
    present.clear();
    if (focused) focus(active);
    else render();
  }

  function render() {
    waiting = false;
    const first = Math.max(0, Math.floor(box.scrollTop / rowHeight) - ROWS_AROUND);
    const end = Math.ceil((box.scrollTop + box.clientHeight) / rowHeight) + ROWS_AROUND;
    const last = Math.min(Math.ceil(order.length / across), end);
    if (!box.contains(document.activeElement)) {
      const activeRow = Math.floor(active / across);
      if (activeRow < first || activeRow >= last) activate(Math.ceil(box.scrollTop / rowHeight) * across);
    }
    for (const [number, row] of present)
      if ((number < first || number >= last) && !row.contains(document.activeElement)) {
        row.remove();
        present.delete(number);
      }
    for (let number = first; number < last; number++) if (!present.has(number)) addRow(number);
  }

  /** @param {number} number */
  function addRow(number) {
    const row = element("div", { role: "row", class: "row", "aria-rowindex": number + 1 });
    row.style.top = `${number * rowHeight}px`;
    const end = Math.min(order.length, (number + 1) * across);
    for (let place = number * across; place < end; place++) row.append(tileOf(order[place] ?? 0, place));
    present.set(number, row);
    const below = [...present].filter(([other]) => other > number).sort(([one], [other]) => one - other)[0];
    rows.insertBefore(row, below?.[1] ?? null); // in their order, for those who read the document
  }

  /** @param {number} example @param {number} place */
  function tileOf(example, place) {
    const { sort, at, by } = view;
    const type = typeName(by, example);
    const value = sort === "index" ? "" : toldOf(sort, example, hasRows(sort) ? at : 0);
    const label = className(valueOf("label", example));
    const other = disputed(view, example);
    const said = [label, isFlipped(example) ? "flipped label" : "", other && `models say ${other}`, type];
    if (sort !== "index") said.push(`${titleOf(sort)} ${value}`);
    const words = said.filter((word) => word && word !== "–").join(", ");
    const tile = element(
      "div",
      {
        ...{
          role: "gridcell",
          class: "tile",
          "aria-label": words,
          title: words,
          "aria-colindex": (place % across) + 1,
        },
        ...{ tabindex: place === active ? 0 : -1, "data-place": place },
      },
      picture(example),
      element(
        "span",
        { class: "below", "aria-hidden": "true" },
        typeSign(type),
        sort === "index" ? null : value,
        isFlipped(example) ? element("span", { class: "flag" }, "⚑") : null,
      ),
      element("span", { class: "label", "aria-hidden": "true", "data-label": label + (other && `\n→ ${other}?`) }),
    );
    return tile;
  }

  /** @param {number} place */
  function tileAt(place) {
    const row = present.get(Math.floor(place / across));
    return /** @type {HTMLElement | undefined} */ (row?.children[place % across]);
  }

  /** @param {number} place */
  function activate(place) {
    tileAt(active)?.setAttribute("tabindex", "-1");
    active = Math.max(0, Math.min(order.length - 1, place));
    tileAt(active)?.setAttribute("tabindex", "0");
  }

  /** @param {number} place */
  function focus(place) {
    activate(place);
    const top = Math.floor(active / across) * rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight;
    render();
    tileAt(active)?.focus({ preventScroll: true });
  }

  /** @param {Event} event */
  function open(event) {
    const tile = event.target instanceof Element ? event.target.closest(".tile") : null;
    if (!(tile instanceof HTMLElement)) return;
    activate(Number(tile.dataset.place));
    opens(order[active] ?? 0);
  }

  box.addEventListener("click", open);
  box.addEventListener("keydown", (event) => {
    const screen = Math.max(1, Math.floor(box.clientHeight / rowHeight)) * across;
    const steps = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -across,
      ArrowDown: across,
      PageUp: -screen,
      PageDown: screen,
    };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (step && active + step >= 0 && active + step < order.length) focus(active + step);
    else if (event.key === "Home") focus(0);
    else if (event.key === "End") focus(order.length - 1);
    else if (event.key === "Enter" || event.key === " ") open(event);
    else if (!step) return;
    event.preventDefault();
  });
  box.addEventListener("scroll", () => {
    if (!waiting) requestAnimationFrame(render);
    waiting = true;
  });
  let width = 0;
  new ResizeObserver(() => {
    if (rows.clientWidth !== width) lay(); // its height we set ourselves
    width = rows.clientWidth;
  }).observe(rows);

  return {
    box,
    focus,
    order: () => order,
    show(shown, shownBy) {
      [order, view, active] = [shown, shownBy, 0];
      box.scrollTop = 0;
      lay();
    },
  };
}
