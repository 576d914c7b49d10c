// The part of one workload: what `explain` says, with the curve drawn.
const data = JSON.parse(document.getElementById("data").textContent);
const say = (place) => data.texts[place];

function makePart(workload, level) {
  const part = make("article", { class: "part" }, make(`h${level}`, { tabindex: "-1" }, workload.title));
  for (const container of workload.containers) part.append(makeContainer(container, level + 1));
  for (const [container, reason] of workload.skips) {
    const about = container ? `container ${container}: ` : "";
    part.append(make("p", { class: "warning" }, `skipped: ${about}${say(reason)}`));
  }
  if (workload.sentences.length) {
    part.append(make("ul", {}, ...workload.sentences.map((place) => make("li", {}, say(place)))));
  }
  return part;
}

function makeContainer(container, level) {
  return make(
    "section",
    { class: "container" },
    make(`h${level}`, {}, `container ${container.name}`),
    make("p", { class: "heading" }, container.heading),
    make("p", { class: "saving" }, say(container.saving)),
    ...makeFigure(container),
    makeTable(data.titles, container.requests, "requests"),
    makeTable(["step", "value", "why"], gather(container.steps.map(say), 3), "steps"),
  );
}

function makeFigure(container) {
  const words = make("p", {}, container.exposure);
  if (!container.curve) return container.exposure ? [words] : [];
  const values = container.marks.map((mark) => mark[2]).join(", ");
  const legend =
    "1.0 is the best request that keeps the performance floor; dashed: below that floor; " +
    "shaded: 90 % band";
  return [
    make(
      "figure",
      {},
      drawCurve(container.curve, container.marks, `work per joule by CPU request: ${values}`),
      make("figcaption", {}, legend),
    ),
    words,
  ];
}

function makeTable(titles, rows, name) {
  const heads = titles.map((title) => make("th", { scope: "col" }, title));
  const body = rows.map(([first, ...others]) => {
    const indented = first.startsWith(" ") ? { class: "under" } : {};
    const head = make("th", { scope: "row", ...indented }, first.trim());
    return make("tr", {}, head, ...others.map((text) => make("td", {}, text)));
  });
  const table = make(
    "table",
    { class: name },
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...body),
  );
  return make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": name }, table);
}

function gather(values, size) {
  const rows = [];
  for (let index = 0; index < values.length; index += size) rows.push(values.slice(index, index + size));
  return rows;
}
