"""Calls taken in a browser, step by step: from a key to the painted answer.

Typed at the pace of a practised hand. What the screen waits for on purpose counts as the machine's
time, and so does all that the node still owes to the keys before. A step ends with the frame in
which the last answer to it is on the screen.
"""

from __future__ import annotations

from bench.harness import Figure, median, percentile
from bench.screens import Screen

CALLS = 24
PACE_MS = 70
"""Between two keys: about fourteen a second, faster than most hands."""
GOAL_MS = 100
PLACES = (
    "Aleksanterinkatu 20",
    "Bulevardi 12",
    "Mannerheimintie 10",
    "Fabianinkatu 32",
    "Aleksanterinkatu / Fabianinkatu",
)
WORDS = (
    "The street light is dark for three nights",
    "A water pipe has burst and the road is under water",
    "A fallen tree blocks the whole pavement",
    "There is a deep pothole before the crossing",
    "路灯三天不亮，路口很暗",
)
STEPS = {
    "places": "/api/places?",
    "guess": "/api/guess",
    "duplicates": "/api/likely",
    "questions": "/api/case-types/",
    "receipt": "/api/reports",
}

# Watches the requests of the page: a step is over at the frame after the last answer to it.
WATCH = """() => {
  const pending = new Map(), begun = new Map();
  const fetched = window.fetch, of = (url) => Object.entries(window.steps)
    .find(([, part]) => String(url).includes(part))?.[0];
  window.fetch = async (url, more) => {
    const step = of(url);
    if (step === undefined) return fetched(url, more);
    pending.set(step, (pending.get(step) ?? 0) + 1);
    begun.set(step, performance.now());
    const less = () => pending.set(step, pending.get(step) - 1);
    try {
      const answer = await fetched(url, more), text = answer.text.bind(answer);
      answer.text = () => text().finally(less);
      return answer;
    } catch (error) {
      less();
      throw error;
    }
  };
  window.arm = (...wanted) => {
    window.took = {};
    const begin = (event) => {
      // A Chinese sign comes from the input method, without a key of its own.
      for (const kind of ['keydown', 'beforeinput']) removeEventListener(kind, begin, true);
      const began = event.timeStamp, open = new Set(wanted);
      const look = () => {
        for (const step of open) {
          if (!((begun.get(step) ?? 0) >= began) || pending.get(step)) continue;
          open.delete(step);
          // The answer is used in the turn it came in; a task after the next frame, it is painted.
          requestAnimationFrame(() => {
            const after = new MessageChannel();
            after.port1.onmessage = () => (window.took[step] = performance.now() - began);
            after.port2.postMessage(0);
          });
        }
        if (open.size && performance.now() - began < 20000) setTimeout(look, 1);
      };
      look();
    };
    for (const kind of ['keydown', 'beforeinput']) addEventListener(kind, begin, true);
  };
}"""


# Types whose questions may stay without an answer, each asked for once: a page keeps the forms.
CODES = """async () => {
  const ask = async (path) => (await fetch(path)).json(), found = [];
  for (const { code } of (await ask('/api/case-types')).case_types) {
    const { form } = await ask(`/api/case-types/${code}`);
    if (form.length && !form.some((each) => each.required)) found.push(code);
  }
  return found;
}"""


def call_figures(shown: Screen) -> list[Figure]:
    """The slowest step by its median and its worst, with all of them in the note."""
    page = shown.page
    took: dict[str, list[float]] = {step: [] for step in STEPS}

    def measured(key: str, *steps: str) -> None:
        page.evaluate("steps => window.arm(...steps)", list(steps))
        if len(key) == 1:
            page.keyboard.type(key)
        else:
            page.keyboard.press(key)
        page.wait_for_function("n => Object.keys(window.took).length === n", arg=len(steps))
        for step, ms in page.evaluate("() => window.took").items():
            took[step].append(float(ms))

    page.goto(f"{shown.running.address}/console/new")
    page.locator("[data-map=ready]").wait_for(timeout=60_000)
    codes: list[str] = page.evaluate(CODES)
    asked: set[str] = set()
    page.on("request", lambda sent: asked.add(sent.url.rpartition("/")[2]))
    page.wait_for_timeout(8000)  # the board behind the form loads its 5,000 cases
    page.evaluate("steps => { window.steps = steps }", STEPS)
    page.evaluate(WATCH)
    for number in range(CALLS):
        page.locator("#where:focus").wait_for()
        page.wait_for_timeout(500)  # a caller greets
        place, words = PLACES[number % len(PLACES)], WORDS[number % len(WORDS)]
        page.keyboard.type(place[:-1], delay=PACE_MS)
        measured(place[-1], "places")
        page.locator(f"#where-list[data-asked='{place}'] [role=option]").first.wait_for()
        page.keyboard.press("Enter")
        page.locator("[data-place]").wait_for()
        page.keyboard.type(words[:-1], delay=PACE_MS)
        measured(words[-1], "guess", "duplicates")
        page.wait_for_timeout(300)
        # Not one that a guess has brought already: each call asks for a form of its own.
        code = next(each for each in codes if each not in asked)
        page.locator("#type").focus()
        page.keyboard.type(code, delay=PACE_MS)
        measured("Enter", "questions")
        page.locator(f"[data-questions={code}]").wait_for()
        measured("Control+Enter", "receipt")
        page.locator("#receipt:focus").wait_for()
        page.keyboard.press("n")
    return _figures(took)


def _figures(took: dict[str, list[float]]) -> list[Figure]:
    middles = {step: median(values) for step, values in took.items()}
    worsts = {step: percentile(values, 99) for step, values in took.items()}

    def figure(name: str, values: dict[str, float]) -> Figure:
        each = ", ".join(f"{step} {ms:.0f}" for step, ms in values.items())
        return Figure(
            f"call form: slowest step, {name}", max(values.values()), "ms", GOAL_MS, "less", each
        )

    return [figure("median", middles), figure(f"p99 of {CALLS} calls", worsts)]
