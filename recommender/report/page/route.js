// Which workload is shown, by the address: #NAMESPACE/KIND/NAME, the kind also as kubectl
// shortens it, or #NAMESPACE/NAME. Any other address shows the overview.
const overview = find("overview");
const place = find("part");
const shownWorkloads = find("rows") ? startOverview() : () => [];
let opener = null;

function readAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1); // a percent sign that begins no character
  }
}

function isMeant(workload, address) {
  const [namespace, kind, ...rest] = workload.id.split("/");
  const name = rest.join("/");
  if (address === workload.id || address === `${namespace}/${name}`) return true;
  const [wantedNamespace, wantedKind, ...wanted] = address.split("/");
  const kinds = [kind.toLowerCase(), workload.name.split("/")[1]];
  return (
    wantedNamespace === namespace &&
    wanted.join("/") === name &&
    kinds.includes(wantedKind.toLowerCase())
  );
}

function show() {
  const address = readAddress();
  const isAddress = address.includes("/");
  const wanted = isAddress ? address : data.opened;
  if (!wanted) {
    showOverview();
    return;
  }
  const found = data.workloads.find((workload) => isMeant(workload, wanted));
  if (overview && !overview.hidden) opener = document.activeElement;
  place.replaceChildren(
    ...(overview ? [makeSteps(found)] : []),
    found ? makePart(found, 2) : make("p", { class: "warning" }, `no workload ${wanted} in this report`),
  );
  place.hidden = false;
  if (overview) overview.hidden = true;
  if (isAddress) {
    (place.querySelector("h2") ?? place).focus();
    scrollTo(0, 0);
  }
}

function makeSteps(found) {
  const shown = shownWorkloads();
  const at = shown.indexOf(found);
  const links = [["#workloads", "all workloads"]];
  if (at > 0) links.push([linkOf(shown[at - 1].id), "previous"]);
  if (at >= 0 && at + 1 < shown.length) links.push([linkOf(shown[at + 1].id), "next"]);
  const items = links.map(([href, text]) => make("a", { href }, text));
  return make("nav", { "aria-label": "workloads" }, ...items);
}

function showOverview() {
  if (!overview) return;
  const wasOpen = !place.hidden;
  place.hidden = true;
  overview.hidden = false;
  if (!wasOpen) return;
  if (opener?.isConnected && opener !== document.body) opener.focus();
  else find("workloads").focus();
}

addEventListener("hashchange", show);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && overview && !place.hidden) location.hash = "#workloads";
});
show();
