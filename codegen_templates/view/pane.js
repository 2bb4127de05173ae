// The drawings: moved, zoomed, and marked by what is pointed at. Without any script they are there all
// the same. page.js goes on from here.
"use strict";

const networks = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const COSTS = { parameters: "parameters", macs: "MACs", memory: "memory" };
const HEAT_STEPS = 8;

// ---- numbers and elements

const whole = (value) => value.toLocaleString("en-US");
// Halves go to the even digit, as in `spinec summary`.
const TENTHS = { minimumFractionDigits: 1, maximumFractionDigits: 1, roundingMode: "halfEven" };
const told = (cost, value) => (cost === "memory" ? `${(value / 2 ** 20).toLocaleString("en-US", TENTHS)} MiB` : whole(value));
const share = (value, total) => {
  const percent = total > 0 ? (100 * value) / total : 0;
  return `${percent.toFixed(percent < 9.95 ? 1 : 0)}%`;
};
const shapeText = (shape) => shape.join(" × ");

function element(name, classes = "", ...children) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  made.append(...children);
  return made;
}

// What tells a block from all others of its network. A head may be called like a block.
const keyOf = (block) => `${block.head ? "head " : ""}${block.name}`;

// What a block costs with the endpoint it feeds.
const costOf = (block, cost) => (block[cost] ?? 0) + (block.endpoint?.[cost] ?? 0);

// ---- one drawing

class Pane {
  constructor(svg, network) {
    this.svg = svg;
    this.network = network;
    this.size = { width: Number(svg.dataset.width), height: Number(svg.dataset.height) };
    this.blocks = [...svg.querySelectorAll(".block")];
    this.connections = [...svg.querySelectorAll(".connection")];
    this.reads = network.blocks.map(() => []);
    this.readers = network.blocks.map(() => []);
    for (const [source, target] of network.connections) {
      this.reads[target].push(source);
      this.readers[source].push(target);
    }
    this.byKey = new Map(network.blocks.map((block, place) => [keyOf(block), place]));
    this.levels = this.blocks.map((group) => group.querySelector(".level"));
    this.names = this.levels.map((level) => level?.textContent ?? "");
    this.pinned = null;
    this.hovered = null;
    this.focused = null;
    this.current = null;
    this.reachable(0);
    this.listen();
    new ResizeObserver(() => (this.view ? this.show() : this.start())).observe(svg);
  }

  // -- where one looks: x and y of the upper left corner, and pixels for each unit

  get extent() {
    return { width: this.svg.clientWidth || 1, height: this.svg.clientHeight || 1 };
  }

  fit() {
    const { width, height } = this.extent;
    const scale = Math.min(width / this.size.width, height / this.size.height, 2);
    this.view = { x: (this.size.width - width / scale) / 2, y: (this.size.height - height / scale) / 2, scale };
    this.show();
  }

  // All of it, or the top of it where all would be too small to read.
  start() {
    this.fit();
    if (this.view.scale > 0.45) return;
    const { width } = this.extent;
    const scale = Math.min(1, width / this.size.width);
    this.view = { x: (this.size.width - width / scale) / 2, y: 0, scale };
    this.show();
  }

  show() {
    const { width, height } = this.extent;
    const view = this.view;
    view.scale = Math.min(12, Math.max(0.02, view.scale));
    const [w, h] = [width / view.scale, height / view.scale];
    // The middle of the view stays on the drawing.
    view.x = Math.min(this.size.width, Math.max(0, view.x + w / 2)) - w / 2;
    view.y = Math.min(this.size.height, Math.max(0, view.y + h / 2)) - h / 2;
    this.svg.setAttribute("viewBox", `${view.x} ${view.y} ${w} ${h}`);
  }

  move(dx, dy) {
    this.view.x += dx / this.view.scale;
    this.view.y += dy / this.view.scale;
    this.show();
  }

  // Zoom so that a point, in pixels from the pane's corner, stays where it is.
  zoom(factor, px = this.extent.width / 2, py = this.extent.height / 2) {
    const before = this.view.scale;
    const after = Math.min(12, Math.max(0.02, before * factor));
    this.view.x += px / before - px / after;
    this.view.y += py / before - py / after;
    this.view.scale = after;
    this.show();
  }

  // Bring a block into view if it isn't.
  reveal(place) {
    const box = this.blocks[place].getBoundingClientRect();
    const pane = this.svg.getBoundingClientRect();
    const margin = 24;
    const over = (low, high, from, to) => (low < from + margin ? low - from - margin : high > to - margin ? high - to + margin : 0);
    const dx = over(box.left, box.right, pane.left, pane.right);
    const dy = over(box.top, box.bottom, pane.top, pane.bottom);
    if (dx || dy) this.move(dx, dy);
  }

  // -- what is pointed at

  listen() {
    const svg = this.svg;
    const placeOf = (event) => {
      const group = event.target.closest?.(".block");
      return group ? Number(group.dataset.block) : null;
    };
    svg.addEventListener("pointerover", (event) => this.point("hovered", placeOf(event)));
    svg.addEventListener("pointerleave", () => this.point("hovered", null));
    svg.addEventListener("focusin", (event) => this.focusOn(placeOf(event)));
    svg.addEventListener("focusout", () => this.point("focused", null));
    svg.addEventListener("keydown", (event) => this.key(event, placeOf(event)));
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      const frame = svg.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.clientX - frame.left, event.clientY - frame.top);
    }, { passive: false });
    this.listenToDrags(placeOf);
  }

  listenToDrags(placeOf) {
    const svg = this.svg;
    let last = null;
    let moved = 0;
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      last = [event.clientX, event.clientY];
      moved = 0;
    });
    svg.addEventListener("pointermove", (event) => {
      if (!last) return;
      const [dx, dy] = [last[0] - event.clientX, last[1] - event.clientY];
      moved += Math.abs(dx) + Math.abs(dy);
      if (moved < 4) return;
      svg.setPointerCapture(event.pointerId);
      svg.classList.add("moving");
      last = [event.clientX, event.clientY];
      this.move(dx, dy);
    });
    const stop = () => {
      last = null;
      svg.classList.remove("moving");
    };
    svg.addEventListener("pointerup", stop);
    svg.addEventListener("pointercancel", stop);
    svg.addEventListener("click", (event) => {
      if (moved >= 4) return; // the end of a drag
      this.pin(placeOf(event));
    });
  }

  focusOn(place) {
    if (place !== null) this.reachable(place);
    // A click focuses too, but marks only what it pins.
    const shown = place !== null && this.blocks[place].matches(":focus-visible");
    if (shown) this.reveal(place);
    this.point("focused", shown ? place : null);
  }

  // One block of each drawing can be reached by the tab key.
  reachable(place) {
    if (this.entry !== undefined) this.blocks[this.entry].setAttribute("tabindex", "-1");
    this.entry = place;
    this.blocks[place].setAttribute("tabindex", "0");
  }

  point(how, place) {
    if (this[how] === place) return;
    this[how] = place;
    this.update();
  }

  pin(place) {
    if (this.pinned !== null) this.blocks[this.pinned].removeAttribute("aria-pressed");
    this.pinned = this.pinned === place ? null : place;
    if (this.pinned !== null) this.blocks[this.pinned].setAttribute("aria-pressed", "true");
    this.update();
  }

  update() {
    const place = this.hovered ?? this.focused ?? this.pinned;
    if (place === this.current) return;
    this.current = place;
    this.trace(place);
    tell(this);
  }

  key(event, place) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = place === null ? this.paneKeys()[event.key] : this.blockKeys(place)[event.key] ?? this.zoomKeys()[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  zoomKeys() {
    const larger = () => this.zoom(1.25);
    return { "+": larger, "=": larger, "-": () => this.zoom(0.8), "0": () => this.fit() };
  }

  paneKeys() {
    const step = 60;
    return {
      ArrowLeft: () => this.move(-step, 0), ArrowRight: () => this.move(step, 0),
      ArrowUp: () => this.move(0, -step), ArrowDown: () => this.move(0, step),
      Escape: () => this.pin(null), ...this.zoomKeys(),
    };
  }

  blockKeys(place) {
    const go = (to) => () => this.blocks[to]?.focus({ preventScroll: true });
    const pin = () => this.pin(place);
    return {
      ArrowUp: go(place + 1), ArrowDown: go(place - 1), Home: go(0), End: go(this.blocks.length - 1),
      ArrowLeft: go(this.reads[place].at(-1)), ArrowRight: go(this.readers[place][0]),
      Enter: pin, " ": pin,
      Escape: () => {
        this.pin(null);
        this.svg.focus();
      },
    };
  }

  // -- marks

  // Everything that a block rests on, or everything that rests on it, by `next`.
  kin(place, next) {
    const found = new Set();
    const open = [place];
    while (open.length) {
      for (const other of next[open.pop()]) {
        if (!found.has(other)) {
          found.add(other);
          open.push(other);
        }
      }
    }
    return found;
  }

  trace(place) {
    this.svg.classList.toggle("tracing", place !== null);
    this.ancestors = place === null ? new Set() : this.kin(place, this.reads);
    this.descendants = place === null ? new Set() : this.kin(place, this.readers);
    this.blocks.forEach((group, index) => {
      group.classList.toggle("self", index === place);
      group.classList.toggle("ancestor", this.ancestors.has(index));
      group.classList.toggle("descendant", this.descendants.has(index));
    });
    const within = (set, index) => index === place || set.has(index);
    for (const group of this.connections) {
      const [from, to] = [Number(group.dataset.from), Number(group.dataset.to)];
      group.classList.toggle("ancestor", this.ancestors.has(from) && within(this.ancestors, to));
      group.classList.toggle("descendant", this.descendants.has(to) && within(this.descendants, from));
    }
  }

  // Mark the block called like one of the other network, and give it; null takes the mark away.
  namesake(block) {
    this.blocks.forEach((group) => group.classList.remove("namesake"));
    const place = block === null ? undefined : this.byKey.get(keyOf(block));
    if (place === undefined) return null;
    this.blocks[place].classList.add("namesake");
    return this.network.blocks[place];
  }

  // Colours by a cost, `most` being the darkest; back to levels without one.
  heat(cost, most) {
    this.svg.classList.toggle("heat", cost !== "");
    const total = cost && this.network.totals[cost];
    this.network.blocks.forEach((block, index) => {
      const group = this.blocks[index];
      for (let step = 0; step < HEAT_STEPS; step++) group.classList.remove(`heat${step}`);
      if (cost) {
        const value = costOf(block, cost);
        group.classList.add(`heat${Math.min(HEAT_STEPS - 1, Math.floor((value / (most || 1)) * HEAT_STEPS))}`);
      }
      const level = this.levels[index];
      if (level) level.textContent = !cost ? this.names[index] : block.shape ? share(costOf(block, cost), total) : "";
    });
  }

  // Marks what a text means: a name, a kind, or @level.
  find(text) {
    const wanted = text.trim().toLowerCase();
    this.svg.classList.toggle("searching", wanted !== "");
    this.matches = [];
    this.network.blocks.forEach((block, index) => {
      const words = [block.label.toLowerCase(), block.kind.toLowerCase()];
      const hit = wanted !== "" && (wanted.startsWith("@") ? wanted === `@${block.level}` : words.some((word) => word.includes(wanted)));
      this.blocks[index].classList.toggle("match", hit);
      if (hit) this.matches.push(index);
    });
    return this.matches.length;
  }
}
