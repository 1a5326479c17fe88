// Holds the board's order to the plain way, which sorts and counts all cases at every step.
// Prints how many steps agreed; ends with 1 at the first that did not. See test_order.py.
import { readFileSync } from "node:fs";
import { transformWithOxc } from "vite";

const [file, seed, from = "", to = ""] = process.argv.slice(2);
const source = readFileSync(file, "utf8");
if (!source.includes(from)) throw new Error(`nothing to plant in: ${from}`);
const { code } = await transformWithOxc(source.replace(from, to), file);
const { Order, clockOf } = await import(`data:text/javascript,${encodeURIComponent(code)}`);

let state = Number(seed);
const below = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};
const START = Date.parse("2026-11-28T12:00:00Z"), HOUR = 3_600_000;
const STATUSES = ["received", "accepted", "in_work", "verified", "void"];
const FILTERS = [
  () => true,
  (item) => item.priority < 3,
  (_, clock) => clock === "late",
  (_, clock) => clock === "risk" || clock === "paused",
  (item) => item.status === "in_work",
];
let cases = new Map(), made = 0, now = START, test = FILTERS[0];

function draw(id) {
  // Few instants, so that many deadlines are equal; some cases have none.
  const due = below(6) ? new Date(now + (below(48) - 12) * (HOUR / 6)).toISOString() : null;
  return { case: id, priority: 1 + below(4), status: STATUSES[below(5)], due_at: due, paused: below(8) === 0, drill: below(12) === 0 };
}
function change(told) {
  const known = [...cases.keys()];
  for (let n = below(5); n > 0; n--) {
    const id = below(3) && known.length ? known[below(known.length)] : `case-${String(below(1e6)).padStart(6, "0")}-${made++}`;
    if (below(5) === 0) cases.delete(id);
    else cases.set(id, draw(id));
    told.push(id);
  }
}
function plain() {
  const group = (each) => (clockOf(each, now) === "late" ? 0 : each.priority === 1 ? 1 : 2);
  const due = (each) => (each.due_at ? Date.parse(each.due_at) : Infinity);
  const order = (a, b) => group(a) - group(b) || (due(a) === due(b) ? 0 : due(a) - due(b)) || a.priority - b.priority || (a.case < b.case ? -1 : 1);
  const open = [...cases.values()].filter((each) => !["verified", "void"].includes(each.status) && !each.drill);
  const count = (clock) => open.filter((each) => clockOf(each, now) === clock).length;
  return {
    items: [...cases.values()].filter((each) => test(each, clockOf(each, now))).sort(order),
    counts: { by: [1, 2, 3, 4].map((p) => open.filter((each) => each.priority === p).length), late: count("late"), risk: count("risk") },
  };
}

const order = new Order();
const STEPS = 3000;
for (let step = 0; step < STEPS; step++) {
  let told = [];
  change(told);
  if (below(4) === 0) now += below(HOUR / 2);
  if (below(400) === 0) now -= HOUR; // a clock that was set back
  if (below(25) === 0) test = FILTERS[below(FILTERS.length)];
  if (below(300) === 0) cases = new Map([...cases].filter(() => below(2)));
  else if (below(100) === 0) told = null;
  const found = order.take(cases, told, now, test), wanted = plain();
  const isSame = found.items.length === wanted.items.length && found.items.every((each, n) => each === wanted.items[n]);
  if (!isSame || JSON.stringify(found.counts) !== JSON.stringify(wanted.counts)) {
    console.log(`step ${step}: ${found.items.length} shown, ${wanted.items.length} wanted; ${JSON.stringify([found.counts, wanted.counts])}`);
    process.exit(1);
  }
  if (order.take(cases, [], now, test) !== found) {
    console.log(`step ${step}: nothing changed, and another answer`);
    process.exit(1);
  }
}
console.log(`${STEPS} steps`);
