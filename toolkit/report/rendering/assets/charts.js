// Charts: drawn when they come near, those in view first. A box of the final height keeps their
// place, so that nothing moves. Without scripts each chart has a text alternative and a table.

const library = document.getElementById("vega");
let loading = null;

// Vega is a megabyte: it is read when the first chart is near, not before the page can be used.
function loadVega() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const beside = library.dataset.src;
    if (beside) {
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => reject(new Error(`${beside} is not beside this page`)));
      script.src = beside;
      document.head.append(script);
    } else {
      script.textContent = library.textContent;
      document.head.append(script);
      resolve();
    }
  });
  return loading;
}

const states = new Map(); // element -> {result, key, pending, height, place}
for (const element of document.querySelectorAll(".vega-chart")) {
  const height = parseFloat(element.style.minHeight);
  // The box has the words; what Vega says of each mark to a screen reader would drown them.
  const place = document.createElement("div");
  place.setAttribute("aria-hidden", "true");
  element.append(place);
  states.set(element, { result: null, key: "", pending: null, height, place, chosen: {} });
}

function isShown(element) {
  return element.checkVisibility ? element.checkVisibility() : element.offsetParent !== null;
}

function widthOf(element) {
  // A chart inside something closed has no width yet; it is redrawn when that opens.
  return Math.floor(element.clientWidth || 640);
}

function keyOf(element) {
  return `${isDark()} ${widthOf(element)} ${JSON.stringify(states.get(element).chosen)}`;
}

function specOf(element) {
  return element.parentElement.querySelector('script[type="application/json"]').textContent;
}

// The chart with the values that its reader chose for its parameters, and the title of its axis.
function asChosen(spec, { sizeTitle, ...values }) {
  for (const parameter of spec.params ?? []) {
    if (parameter.name in values) parameter.value = values[parameter.name];
  }
  for (const { encoding } of sizeTitle ? spec.layer : []) {
    if (encoding.x?.axis) encoding.x.axis.title = sizeTitle;
  }
  return spec;
}

function embed(element, place, width, height, ground = "transparent") {
  const spec = asChosen(JSON.parse(inScheme(specOf(element))), states.get(element).chosen);
  return window.vegaEmbed(place, fitted(spec, width, height), {
    mode: "vega-lite",
    renderer: "svg",
    ast: true, // no eval: the page's security policy forbids it
    config: { ...themed(width), background: ground },
    actions: false,
    tooltip: { theme: isDark() ? "dark" : "light", formatTooltip: tooltipText },
  });
}

async function drawNow(element, state, key) {
  try {
    await loadVega();
    if (!state.place.isConnected) element.replaceChildren(state.place); // it had failed before
    const previous = state.result;
    const result = await embed(element, state.place, widthOf(element), state.height);
    previous?.finalize();
    Object.assign(state, { result, key });
    element.dataset.drawn = "true";
    // A box that scrolls must be reachable by keyboard.
    if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
  } catch (error) {
    const words = element.getAttribute("aria-label");
    element.textContent = `${words} The chart could not be drawn: ${error.message}.`;
    element.dataset.drawn = "failed";
    state.key = key;
    console.error("chart:", error);
  }
}

function draw(element) {
  const state = states.get(element);
  const key = keyOf(element);
  if (state.key === key) return Promise.resolve();
  state.pending ??= drawNow(element, state, key).finally(() => {
    state.pending = null;
  });
  return state.pending;
}

// Pixels from the edge of the screen; 0 in view, negative nowhere.
function distance(element) {
  const box = element.getBoundingClientRect();
  return Math.max(0, box.top - window.innerHeight, -box.bottom);
}

// The nearest chart that is not drawn as it should be, up to a screen ahead or behind.
function nearest() {
  let best = null;
  let least = window.innerHeight;
  for (const [element, state] of states) {
    if (state.key === keyOf(element) || !isShown(element)) continue;
    const away = distance(element);
    if (away < least) [best, least] = [element, away];
  }
  return best;
}

let drawing = false;

async function drawNear() {
  if (drawing) return;
  drawing = true;
  for (let next = nearest(); next; next = nearest()) {
    await draw(next);
    // Let the page answer its reader between two charts; where to go next is asked anew.
    await new Promise((resolve) => setTimeout(resolve));
  }
  drawing = false;
}

let waiting = null;
function soon() {
  waiting ??= setTimeout(() => {
    waiting = null;
    drawNear();
  }, 30);
}

async function drawAllCharts() {
  for (const element of states.keys()) await draw(element);
}
window.drawAllCharts = drawAllCharts;

window.addEventListener("scroll", soon, { passive: true, capture: true });
window.addEventListener("resize", soon);
document.addEventListener("toggle", soon, true);
document.addEventListener("shown.bs.tab", soon); // Quarto's own tabs
darkQuery.addEventListener("change", soon);
new MutationObserver(soon).observe(document.body, { attributeFilter: ["class"] });
