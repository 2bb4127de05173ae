// What is beside the drawings, and the tools above them; pane.js comes before. Texts from specs are only
// ever set as text.

const panes = [...document.querySelectorAll(".drawing")].map((svg) => new Pane(svg, networks[Number(svg.dataset.network)]));

// ---- the block that is pointed at

// Tells of the block of a pane; when it lets go of its own, of the one that the other still has.
function tell(changed) {
  const box = byId("details");
  const pane = [changed, ...panes].find((each) => each.current !== null);
  if (!pane) {
    panes.forEach((each) => each.namesake(null));
    box.replaceChildren(overview());
    return;
  }
  const place = pane.current;
  const block = pane.network.blocks[place];
  pane.namesake(null);
  const others = panes.filter((other) => other !== pane);
  const [other] = others.map((each) => each.namesake(block));
  const facts = [block.kind];
  if (block.level !== null) facts.push(`level ${block.level}`);
  if (block.repeat > 1) facts.push(`${block.repeat} in sequence`);
  if (block.part) facts.push(block.part);
  box.replaceChildren(
    element("h2", "", block.label), element("p", "what", facts.join(" · ")),
    ...(block.shape ? [costTable(pane.network, block, other, others[0]?.network)] : []),
    kinOf(pane, place), ...sourceOf(block),
  );
}

function costTable(network, block, other, otherNetwork) {
  const table = element("table", "costs");
  if (other?.shape) {
    const heads = ["", network.title, otherNetwork.title].map((title) => element("th", "", title));
    table.append(element("thead", "", element("tr", "", ...heads)));
  }
  const row = (name, value, key) => {
    const cells = [value(block, network)];
    if (other?.shape) cells.push(value(other, otherNetwork));
    const line = element("tr", "", element("th", "", name), ...cells.map((parts) => element("td", "", ...parts)));
    line.dataset.key = key;
    return line;
  };
  const spent = (counted, cost, total) => [told(cost, counted[cost]), element("small", "", share(counted[cost], total))];
  const body = element("tbody", "", row("output", (each) => [shapeText(each.shape)], "shape"));
  for (const [cost, name] of Object.entries(COSTS)) body.append(row(name, (each, net) => spent(each, cost, net.totals[cost]), cost));
  const endpoints = new Set([block, other].flatMap((each) => each?.endpoint?.name ?? []));
  if (endpoints.size) {
    // Where they differ, each stands with its name.
    const differ = endpoints.size > 1;
    const title = differ ? "endpoint" : `endpoint ${[...endpoints]}`;
    const output = (endpoint) => [(differ ? `${endpoint.name}: ` : "") + shapeText(endpoint.shape)];
    const ofEndpoint = (value) => (each, net) => (each.endpoint ? value(each.endpoint, net) : ["–"]);
    body.append(row(title, ofEndpoint(output), "endpoint-shape"));
    for (const [cost, name] of Object.entries(COSTS)) {
      body.append(row(name, ofEndpoint((endpoint, net) => spent(endpoint, cost, net.totals[cost])), `endpoint-${cost}`));
    }
  }
  table.append(body);
  return table;
}

function kinOf(pane, place) {
  const names = (places) => [...new Set(places)].map((index) => pane.network.blocks[index].label).join(", ") || "nothing";
  const line = element("p", "kin");
  line.append(
    element("b", "up", "reads "), names(pane.reads[place]), ` (${pane.ancestors.size} ancestors)`, element("br"),
    element("b", "down", "read by "), names(pane.readers[place]), ` (${pane.descendants.size} descendants)`,
  );
  return line;
}

function sourceOf(block) {
  if (!block.source) return [];
  return [element("pre", "", element("span", "place", block.source.place), element("code", "", block.source.text))];
}

function overview() {
  const table = element("table", "totals");
  const heads = ["", ...networks.map((network) => (networks.length > 1 ? network.title : ""))];
  table.append(element("thead", "", element("tr", "", ...heads.map((title) => element("th", "", title)))));
  const row = (name, value) => element("tr", "", element("th", "", name), ...networks.map((network) => element("td", "", value(network))));
  const body = element("tbody", "", row("blocks", (network) => whole(network.blocks.length)), row("connections", (network) => whole(network.connections.length)));
  for (const [cost, name] of Object.entries(COSTS)) body.append(row(name, (network) => told(cost, network.totals[cost])));
  table.append(body);
  const hint = element("p", "what", "Point at a block, or go to it with the tab key.");
  const box = element("div", "", element("h2", "", "In all"), table, hint);
  return box;
}

// ---- levels

function histogram(cost) {
  const box = byId("histogram");
  const levels = networks.map((network) => levelsOf(network, cost));
  const most = Math.max(1, ...levels.flatMap((own) => own.map(([, , value]) => value)));
  box.replaceChildren(element("h2", "", cost ? `Levels by ${COSTS[cost]}, blocks with their endpoints` : "Levels by number of blocks"));
  networks.forEach((network, index) => {
    if (networks.length > 1) box.append(element("h3", "", network.title));
    const table = element("table", "levels");
    for (const [level, tint, value] of levels[index]) {
      const bar = element("div", `bar ${tint}`);
      bar.style.width = `${(100 * value) / most}%`;
      const text = cost ? told(cost, value) : whole(value);
      table.append(element("tr", "", element("th", "", `@${level}`), element("td", "track", bar), element("td", "", text)));
    }
    box.append(table);
  });
  if (cost) box.append(scale(cost));
}

// Level, tint and value, ascending; copies of a repeated block count.
function levelsOf(network, cost) {
  const found = new Map();
  for (const block of network.blocks) {
    if (block.level === null) continue;
    const entry = found.get(block.level) ?? [block.level, block.tint, 0];
    entry[2] += cost ? costOf(block, cost) : block.repeat;
    found.set(block.level, entry);
  }
  return [...found.values()].sort((one, other) => one[0] - other[0]);
}

const mostOf = (cost) => Math.max(...networks.flatMap((network) => network.blocks.map((block) => costOf(block, cost))));

function scale(cost) {
  const swatches = Array.from({ length: HEAT_STEPS }, (_, step) => element("span", `swatch heat${step}`));
  return element("div", "scale", "0", element("span", "", ...swatches), told(cost, mostOf(cost)));
}

// ---- the tools

function colourBy(cost) {
  const most = cost ? mostOf(cost) : 0;
  panes.forEach((pane) => pane.heat(cost, most));
  histogram(cost);
}

byId("colours").addEventListener("change", (event) => colourBy(event.target.value));
byId("in").addEventListener("click", () => panes.forEach((pane) => pane.zoom(1.25)));
byId("out").addEventListener("click", () => panes.forEach((pane) => pane.zoom(0.8)));
byId("fit").addEventListener("click", () => panes.forEach((pane) => pane.fit()));

const THEMES = ["auto", "light", "dark"];
byId("theme").addEventListener("click", (event) => {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "auto") + 1) % THEMES.length];
  root.dataset.theme = next;
  event.target.textContent = `theme: ${next}`;
});

let visited = 0;
byId("find").addEventListener("input", (event) => {
  const count = panes.reduce((sum, pane) => sum + pane.find(event.target.value), 0);
  byId("found").textContent = event.target.value.trim() ? `${count} found` : "";
  visited = 0;
});
byId("find").addEventListener("keydown", (event) => {
  const found = panes.flatMap((pane) => (pane.matches ?? []).map((place) => [pane, place]));
  if (event.key !== "Enter" || !found.length) return;
  const [pane, place] = found[visited++ % found.length];
  pane.reveal(place);
  pane.blocks[place].focus({ preventScroll: true });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.matches("input")) return;
  event.preventDefault();
  byId("find").focus();
});

byId("details").replaceChildren(overview());
histogram("");
