// The table of all containers: sorted by its headings, filtered by words and choices.
const NAME_COLUMN = 0, TIER_COLUMN = 2, WHY_COLUMN = 11, FIRST_NUMBER = 3;
const PARTS_AT_ONCE = 25; // made between two frames, so that the page stays alive
const order = new Intl.Collator("en", { numeric: true });
const find = (name) => document.getElementById(name);
const linkOf = (id) => `#${id.split("/").map(encodeURIComponent).join("/")}`;

function makeRows() {
  return data.workloads.flatMap((workload) => [
    ...workload.containers.map((container) => {
      const texts = [workload.title, container.name, container.tier, ...container.cells.slice(0, -1)];
      return makeRow(workload, [...texts, say(container.cells.at(-1))], container.keys);
    }),
    ...workload.skips.map(([container, reason]) => {
      const texts = [workload.title, container, "skipped", "", "", "", "", "", "", "", "", say(reason)];
      return makeRow(workload, texts, []);
    }),
  ]);
}

function makeRow(workload, texts, numbers) {
  const keys = texts.map((text, column) =>
    data.columns[column][1] ? (numbers[column - FIRST_NUMBER] ?? null) : text,
  );
  const words = [texts[NAME_COLUMN], workload.id, texts[1], texts[WHY_COLUMN]].join(" ").toLowerCase();
  const element = make("tr", {});
  texts.forEach((text, column) => {
    const name = data.columns[column][0].replaceAll(/\W/g, "-");
    const kind = data.columns[column][1] ? `number ${name}` : name;
    if (column === NAME_COLUMN) {
      element.append(make("th", { scope: "row" }, make("a", { href: linkOf(workload.id) }, text)));
    } else element.append(make("td", { class: kind }, text));
  });
  return { workload, keys, words, tier: texts[TIER_COLUMN], element };
}

// What has no value is last, whichever way.
function sortRows(rows, column, isDescending) {
  const sign = isDescending ? -1 : 1;
  const compare = data.columns[column][1] ? (a, b) => a - b : order.compare;
  rows.sort((one, other) => {
    const a = one.keys[column], b = other.keys[column];
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * compare(a, b);
  });
}

function startOverview() {
  const rows = makeRows();
  const body = find("rows").tBodies[0];
  const choices = {
    namespace: (row) => row.workload.namespace,
    pool: (row) => row.workload.pool,
    tier: (row) => row.tier,
  };

  function sortBy(column, isDescending) {
    sortRows(rows, column, isDescending);
    body.append(...rows.map((row) => row.element));
    heads.forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  function filter() {
    const words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.entries(choices)
      .map(([name, of]) => [find(name).value, of])
      .filter(([value]) => value);
    let count = 0;
    for (const row of rows) {
      const isShown =
        words.every((word) => row.words.includes(word)) &&
        wanted.every(([value, of]) => `=${of(row)}` === value);
      row.element.hidden = !isShown;
      count += isShown;
    }
    find("shown").textContent = `${count} of ${rows.length} rows`;
    clearParts();
  }

  function shownWorkloads() {
    return [...new Set(rows.filter((row) => !row.element.hidden).map((row) => row.workload))];
  }

  const heads = data.columns.map(([title, isNumber], column) => {
    const button = make("button", { type: "button" }, title);
    const head = make("th", { scope: "col", class: `${isNumber ? "number " : ""}${title.replaceAll(/\W/g, "-")}` }, button);
    button.addEventListener("click", () =>
      sortBy(column, head.getAttribute("aria-sort") === "ascending"),
    );
    return head;
  });
  find("rows").tHead.append(make("tr", {}, ...heads));
  for (const [name, of] of Object.entries(choices)) fillChoice(find(name), rows.map(of), filter);
  find("search").addEventListener("input", filter);
  find("search").form.addEventListener("submit", (event) => event.preventDefault());
  find("all").addEventListener("click", () => showParts(shownWorkloads()));
  sortBy(data.columns.findIndex(([title]) => title === "watts"), false); // what saves most
  filter();
  return shownWorkloads;
}

// "" is all; the values carry a mark before them, so that an empty one is not taken for all.
function fillChoice(select, values, onChange) {
  const known = [...new Set(values.filter((value) => value !== null))].sort(order.compare);
  select.append(make("option", { value: "" }, "all"));
  select.append(...known.map((value) => make("option", { value: `=${value}` }, value)));
  select.addEventListener("change", onChange);
}

let run = 0; // of showParts: an older one ends where a newer one has begun

function clearParts() {
  run += 1;
  find("parts").replaceChildren();
}

function showParts(workloads) {
  clearParts();
  const mine = run;
  let next = 0;
  function more() {
    if (mine !== run || next >= workloads.length) return;
    const some = workloads.slice(next, next + PARTS_AT_ONCE);
    find("parts").append(...some.map((workload) => makePart(workload, 3)));
    next += PARTS_AT_ONCE;
    requestAnimationFrame(more);
  }
  more();
}
