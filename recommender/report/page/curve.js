// Work per joule with its band, and exposure beneath, over the request on a logarithmic axis.
// As wide as the screen, at most: letters keep their size on a phone.
const WIDTH = Math.max(340, Math.min(680, innerWidth - 32));
const LEFT = 56, RIGHT = WIDTH - 16, WORK_TOP = 74, WORK_BOTTOM = 246, OVER_TOP = 272, OVER_BOTTOM = 346;
const MARK_ROWS = { now: 14, stock: 30, ours: 46 };
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
const MOST_INTERVALS = 6, FEWEST_TICKS = 4;

function drawCurve(curve, marks, label) {
  const all = curve.cores.concat(marks.map((mark) => mark[1]));
  const left = Math.log(Math.min(...all)), right = Math.log(Math.max(...all));
  const x = (cores) => LEFT + ((RIGHT - LEFT) * (Math.log(cores) - left)) / (right - left);
  const work = chooseScale(Math.min(...curve.low), Math.max(...curve.high), WORK_TOP, WORK_BOTTOM);
  const over = chooseScale(0, Math.max(...curve.exposure, 0.05), OVER_TOP, OVER_BOTTOM, 3);
  return draw(
    "svg",
    { viewBox: `0 0 ${WIDTH} 388`, role: "img", "aria-label": label, class: "curve" },
    ...drawGrid(work, (value) => value.toFixed(work.step < 0.1 ? 2 : 1)),
    ...drawGrid(over, (value) => `${Math.round(value * 100)} %`),
    ...drawTicks(all, x),
    draw("path", { class: "band", d: outline(curve, x, work.y) }),
    ...drawWork(curve, x, work.y),
    draw("path", { class: "exposure", d: line(curve.cores, curve.exposure, x, over.y) }),
    ...marks.map((mark) => drawMarkLine(mark, x)),
    ...marks.map((mark) => drawMarkText(mark, x)), // above all lines
    caption(LEFT, WORK_TOP - 3, "work per joule"),
    caption(LEFT, OVER_TOP - 5, "exposure: share of time above the request"),
    caption(RIGHT, 384, "request", "end"),
  );
}

function chooseScale(low, high, top, bottom, most = MOST_INTERVALS) {
  let step, first, last;
  for (step of STEPS) {
    first = Math.floor(low / step + 1e-9);
    last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
    if (last - first <= most) break;
  }
  const from = first * step, to = last * step;
  const y = (value) => bottom - ((bottom - top) * (value - from)) / (to - from);
  const values = Array.from({ length: last - first + 1 }, (_, index) => from + index * step);
  return { step, y, values };
}

function drawGrid(scale, format) {
  return scale.values.map((value) => {
    const y = scale.y(value).toFixed(1);
    return draw(
      "g",
      { class: "grid" },
      draw("path", { d: `M${LEFT} ${y}H${RIGHT}` }),
      draw("text", { x: LEFT - 6, y: Number(y) + 4, "text-anchor": "end" }, format(value)),
    );
  });
}

// 1, 2 and 5 times the powers of ten, all digits where these are few; labels without room are
// left out.
function drawTicks(all, x) {
  const low = Math.min(...all), high = Math.max(...all);
  let ticks = chooseTicks(low, high, [1, 2, 5]);
  if (ticks.length < FEWEST_TICKS) ticks = chooseTicks(low, high, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  if (ticks.length < 2) ticks = [low, high];
  let end = 0;
  return ticks.map((cores) => {
    const place = x(cores);
    const tick = draw("g", { class: "tick" }, draw("path", { d: `M${place} ${OVER_BOTTOM}v5` }));
    if (place - 18 > end) {
      tick.append(draw("text", { x: place, y: OVER_BOTTOM + 20, "text-anchor": "middle" }, formatCores(cores)));
      end = place + 18;
    }
    return tick;
  });
}

function chooseTicks(low, high, digits) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of digits) found.push(Number(`${digit}e${power}`));
  }
  return found.filter((cores) => cores >= low && cores <= high);
}

function formatCores(cores) {
  return cores < 1 ? `${Math.round(cores * 1000)}m` : String(Number(cores.toPrecision(3)));
}

function point(cores, value, x, y) {
  return `${x(cores).toFixed(1)} ${y(value).toFixed(1)}`;
}

function line(cores, values, x, y) {
  return `M${cores.map((each, index) => point(each, values[index], x, y)).join("L")}`;
}

function outline(curve, x, y) {
  const back = curve.cores.map((each, index) => point(each, curve.low[index], x, y)).reverse();
  return `${line(curve.cores, curve.high, x, y)}L${back.join("L")}Z`;
}

// Solid where the performance floor is kept, dashed below it.
function drawWork(curve, x, y) {
  const paths = { feasible: "", below: "" };
  for (let index = 0; index + 1 < curve.cores.length; index += 1) {
    const ends = [index, index + 1].map((at) => point(curve.cores[at], curve.work[at], x, y));
    const name = curve.feasible[index] ? "feasible" : "below";
    paths[name] += paths[name].endsWith(ends[0]) ? `L${ends[1]}` : `M${ends.join("L")}`;
  }
  return Object.entries(paths)
    .filter(([, d]) => d)
    .map(([name, d]) => draw("path", { class: `work ${name}`, d }));
}

function drawMarkLine([name, cores], x) {
  const d = `M${x(cores).toFixed(1)} ${MARK_ROWS[name] - 10}V${OVER_BOTTOM}`;
  return draw("g", { class: `mark ${name}` }, draw("path", { d }));
}

function drawMarkText([name, cores, text], x) {
  const place = x(cores);
  const isRight = place > (LEFT + RIGHT) / 2;
  const attributes = {
    x: place + (isRight ? -5 : 5),
    y: MARK_ROWS[name],
    "text-anchor": isRight ? "end" : "start",
  };
  return draw("g", { class: `mark ${name}` }, draw("text", attributes, text));
}

function caption(x, y, text, anchor = "start") {
  return draw("text", { x, y, class: "caption", "text-anchor": anchor }, text);
}
