"use strict";
// The form over the gallery: filters, and the order.

/**
 * @typedef {object} Controls
 * @property {HTMLElement} filters
 * @property {HTMLElement} order
 * @property {(view: View, found: Found) => void} update
 */

/**
 * @param {(change: Partial<View>) => void} changes what to do when a reader chooses
 * @returns {Controls}
 */
function makeControls(changes) {
  const filters = filterFields(changes);
  const order = orderFields(changes);
  const count = element("output", { class: "count" });
  const all = button("Show all", () => changes(unfiltered()), { class: "all" });
  const box = element(
    "details",
    { class: "filters" },
    element("summary", {}, "Filters"),
    ...filters.map((one) => one.box),
  );
  box.open = matchMedia("(min-width: 48rem)").matches;
  return {
    filters: box,
    order: element("div", { class: "order" }, count, all, ...order.map((one) => one.box)),
    update(view, found) {
      for (const field of [...filters, ...order]) field.update(view, found);
      const shown = found.shown.length;
      count.textContent = `${counted(shown)} of ${counted(PAGE.count)} images`;
      all.hidden = shown === PAGE.count;
    },
  };
}

/** What a view without filters has. @returns {Partial<View>} */
function unfiltered() {
  return { labels: [], types: [], flipped: "", suggested: "", low: null, high: null, copies: "" };
}

/** @param {(change: Partial<View>) => void} changes @returns {Field[]} */
function filterFields(changes) {
  /** @param {...string} columns */
  const has = (...columns) => columns.every((name) => DESCRIBED.has(name));
  const fields = [];
  const bys = Object.entries(TYPE_COLUMNS).filter(([, name]) => has(name));
  if (bys.length) fields.push(checks("type", "types", "Type of trajectory", PAGE.types, changes, typeSign));
  if (bys.length > 1) {
    const options = bys.map(([word, name]) => pair(name, word));
    fields.push(
      chosenFrom(
        "Types",
        options,
        (view) => view.by,
        (by) => ({ by }),
        changes,
      ),
    );
  }
  if (has("label")) fields.push(checks("label", "labels", "Label", PAGE.classes, changes));
  if (has("label", "true_label"))
    fields.push(picked("flipped", "Label flipped", FLIPPED, ["flipped", "not flipped"], changes));
  if (has("label", "suggested_label")) {
    const values = [...SUGGESTED, ...PAGE.classes.keys()].map(String);
    const words = ["another than given", "the given one", ...PAGE.classes];
    fields.push(picked("suggested", "Suggested label", values, words, changes));
  }
  if (has("score")) {
    const [low, high] = [bound("low", "from", changes), bound("high", "to", changes)];
    const box = element("fieldset", { class: "range" }, element("legend", {}, "Score"), low.box, high.box);
    /** @type {Field["update"]} */
    const update = (view, found) => [low, high].forEach((end) => end.update(view, found));
    fields.push({ box, update });
  }
  if (PAGE.sizes.length > 1 && (has("score") || has("suggested_label"))) {
    const sizes = [...sizeOptions(), pair("-1", `any ${PAGE.axis}`)];
    const legend = has("suggested_label") ? "Suggestion and score at" : "Score at";
    fields.push(
      chosenFrom(
        legend,
        sizes,
        (view) => String(view.size),
        (size) => ({ size: Number(size) }),
        changes,
      ),
    );
  }
  if (has("exact_group") || has("near_group")) {
    const words = ["equal images", "near-equal images", "either", "neither"];
    fields.push(picked("copies", "Duplicates", COPIES, words, changes));
  }
  return fields;
}

/** @param {(change: Partial<View>) => void} changes @returns {Field[]} */
function orderFields(changes) {
  const options = [...sortable().map((name) => pair(name, titleOf(name))), pair("index", "place in the data")];
  const ways = [pair("down", "largest first"), pair("up", "smallest first")];
  const at = chosenFrom(
    "at",
    sizeOptions(),
    (view) => String(view.at),
    (row) => ({ at: Number(row) }),
    changes,
  );
  const { update } = at;
  at.update = (view, found) => {
    at.box.hidden = PAGE.sizes.length < 2 || !hasRows(view.sort);
    update(view, found);
  };
  return [
    chosenFrom(
      "Sort by",
      options,
      (view) => view.sort,
      (sort) => ({ sort, up: sort === "index" }),
      changes,
    ),
    at,
    chosenFrom(
      "order",
      ways,
      (view) => (view.up ? "up" : "down"),
      (way) => ({ up: way === "up" }),
      changes,
    ),
  ];
}

function sizeOptions() {
  return PAGE.sizes.map((_, row) => pair(String(row), sizeName(row)));
}
