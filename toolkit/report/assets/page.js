// Draws the page's charts when they come into view, and makes its tabs and tables usable.
// Without scripts the page stays readable: tabs stand below one another, every chart has a text
// alternative, and tables are plain HTML.
(() => {
  "use strict";

  // --- Charts ----------------------------------------------------------------------------------

  const states = new Map(); // element -> {view, key, pending}
  for (const element of document.querySelectorAll(".vega-chart")) {
    states.set(element, { result: null, key: "", pending: null });
  }
  const root = document.documentElement;
  const darkQuery = window.matchMedia("(prefers-color-scheme: dark)");

  function isDark() {
    if (root.classList.contains("printing")) return false;
    // Quarto lets readers choose, and says so on the body.
    if (document.body.classList.contains("quarto-dark")) return true;
    if (document.body.classList.contains("quarto-light")) return false;
    return darkQuery.matches;
  }

  function isShown(element) {
    return element.checkVisibility ? element.checkVisibility() : element.offsetParent !== null;
  }

  // One screen ahead and behind, so that a chart is there before the reader is.
  function isNear(element) {
    if (!isShown(element)) return false;
    const box = element.getBoundingClientRect();
    return box.top < 2 * window.innerHeight && box.bottom > -window.innerHeight;
  }

  // Kept apart by readers with any colour vision (after Okabe and Ito); lighter on dark ground.
  const CATEGORIES = {
    light: ["#0072b2", "#d55e00", "#009e73", "#b0528a", "#6b7280", "#a87b00", "#3f9bd1"],
    dark: ["#56b4e9", "#ff9a5c", "#3fd0a3", "#e6a3c8", "#b8bfc6", "#f0c04a", "#9dcbf7"],
  };

  // The same hues where a chart names its colours itself; black and white change places.
  const ON_DARK = {
    "#0072b2": "#56b4e9", "#d55e00": "#ff9a5c", "#009e73": "#3fd0a3", "#cc79a7": "#e6a3c8",
    "#000000": "#e3e6e9", "#ffffff": "#15181c", "black": "#e3e6e9", "white": "#15181c",
  };

  function inScheme(json) {
    if (!isDark()) return json;
    return json.replace(/"(#[0-9a-f]{6}|black|white)"(?!:)/gi, (all, colour) => {
      const other = ON_DARK[colour.toLowerCase()];
      return other ? `"${other}"` : all;
    });
  }

  // A title wider than its chart would be cut off: break it between words.
  function broken(title, width) {
    if (Array.isArray(title) || !title) return title;
    if (typeof title === "object") return { ...title, text: broken(title.text, width) };
    const room = Math.max(16, Math.floor((width - 20) / 8));
    const lines = [""];
    for (const word of String(title).split(" ")) {
      const last = lines.length - 1;
      if (lines[last] && lines[last].length + word.length >= room) lines.push(word);
      else lines[last] += (lines[last] ? " " : "") + word;
    }
    return lines.length > 1 ? lines : title;
  }

  // Below this a legend beside the plot leaves no room for the plot.
  const NARROW = 520;

  function themed(width) {
    const style = getComputedStyle(document.body);
    const colour = (name) => style.getPropertyValue(name).trim();
    const text = colour("--text");
    const muted = colour("--muted");
    const guide = { labelColor: muted, titleColor: text, labelFontSize: 12, titleFontSize: 12.5 };
    return {
      background: "transparent",
      font: style.getPropertyValue("--sans").trim() || "sans-serif",
      view: { stroke: null },
      axis: {
        ...guide,
        titleFontWeight: 500,
        gridColor: colour("--grid"),
        domainColor: colour("--rule"),
        tickColor: colour("--rule"),
      },
      legend: {
        ...guide,
        titleFontWeight: 500,
        labelLimit: 220,
        ...(width < NARROW ? { orient: "bottom", direction: "vertical" } : {}),
      },
      header: { ...guide, titleFontWeight: 500 },
      title: { color: text, subtitleColor: muted, fontSize: 14, anchor: "start" },
      mark: { color: colour("--link") },
      range: { category: CATEGORIES[isDark() ? "dark" : "light"] },
      text: { color: text },
      rule: { color: muted },
    };
  }

  const COMPOUND = ["facet", "repeat", "concat", "hconcat", "vconcat", "spec"];

  function fitted(spec, width) {
    const compound = COMPOUND.some((name) => name in spec);
    const faceted = ["row", "column", "facet"].some((name) => name in (spec.encoding ?? {}));
    const fixed = typeof spec.width === "number" && spec.width <= width;
    const stepped = typeof spec.width === "object";
    if (compound || faceted || fixed || stepped) return spec;
    const title = broken(spec.title, width);
    const titled = title === undefined ? spec : { ...spec, title };
    return { ...titled, width, autosize: { type: "fit-x", contains: "padding", ...spec.autosize } };
  }

  function escaped(value) {
    const box = document.createElement("span");
    box.textContent = String(value);
    return box.innerHTML;
  }

  function tooltipText(value) {
    if (value === null || typeof value !== "object") return escaped(value);
    const rows = Object.entries(value).map(
      ([key, item]) => `<tr><th>${escaped(key)}</th><td>${escaped(item)}</td></tr>`,
    );
    return `<table>${rows.join("")}</table>`;
  }

  function widthOf(element) {
    // A chart inside something closed has no width yet; it is redrawn when that opens.
    return Math.floor(element.clientWidth || 640);
  }

  async function drawNow(element, state, key) {
    const json = element.parentElement.querySelector('script[type="application/json"]').textContent;
    const spec = JSON.parse(inScheme(json));
    const dark = isDark();
    try {
      const previous = state.result;
      const result = await window.vegaEmbed(element, fitted(spec, widthOf(element)), {
        mode: "vega-lite",
        renderer: "svg",
        ast: true, // no eval: the page's security policy forbids it
        config: themed(widthOf(element)),
        actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false },
        tooltip: { theme: dark ? "dark" : "light", formatTooltip: tooltipText },
        downloadFileName: element.closest("[id]")?.id || "chart",
      });
      previous?.finalize();
      Object.assign(state, { result, key });
      element.dataset.drawn = "true";
      element.style.minHeight = "";
    } catch (error) {
      element.textContent = `This chart could not be drawn: ${error.message}`;
      element.dataset.drawn = "failed";
      state.key = key;
      console.error("chart:", error);
    }
  }

  function draw(element) {
    const state = states.get(element);
    const key = `${isDark()} ${widthOf(element)}`;
    if (state.key === key) return Promise.resolve();
    // One drawing at a time for each chart; a change meanwhile is seen when it ends.
    state.pending ??= drawNow(element, state, key).finally(() => {
      state.pending = null;
      soon(); // what stands below may have moved into view, or the page changed meanwhile
    });
    return state.pending;
  }

  function drawNear() {
    for (const element of states.keys()) if (isNear(element)) draw(element);
  }

  let waiting = null;
  function soon() {
    waiting ??= setTimeout(() => {
      waiting = null;
      drawNear();
    }, 60);
  }

  window.drawAllCharts = () => Promise.all([...states.keys()].map(draw)).then(() => undefined);

  window.addEventListener("scroll", soon, { passive: true, capture: true });
  window.addEventListener("resize", soon);
  document.addEventListener("toggle", soon, true);
  document.addEventListener("shown.bs.tab", soon); // Quarto's own tabs
  darkQuery.addEventListener("change", soon);
  new MutationObserver(soon).observe(document.body, { attributeFilter: ["class"] });
  window.addEventListener("afterprint", () => {
    root.classList.remove("printing");
    soon();
  });
  window.addEventListener("beforeprint", () => {
    root.classList.add("printing");
    for (const details of document.querySelectorAll("main details:not(.vega-embed details)")) {
      details.open = true;
    }
    window.drawAllCharts();
  });

  // --- Tabs ------------------------------------------------------------------------------------

  function select(tabset, index, focus) {
    const { tabs, panes } = tabset;
    tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === index));
      tab.tabIndex = at === index ? 0 : -1;
      panes[at].hidden = at !== index;
    });
    if (focus) tabs[index].focus();
    soon();
  }

  const tabsets = [];

  function choose(tabset, index, focus) {
    select(tabset, index, focus);
    if (!tabset.group) return;
    const name = tabset.tabs[index].textContent;
    for (const other of tabsets) {
      const at = other.tabs.findIndex((tab) => tab.textContent === name);
      if (other !== tabset && other.group === tabset.group && at >= 0) select(other, at, false);
    }
  }

  function onKey(tabset, event) {
    const count = tabset.tabs.length;
    const at = tabset.tabs.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + count, Home: 0, End: count - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    choose(tabset, to % count, true);
  }

  function build(element) {
    const panes = [...element.children].filter((child) => child.classList.contains("tab-pane"));
    const list = document.createElement("div");
    list.setAttribute("role", "tablist");
    const tabset = { element, panes, tabs: [], group: element.dataset.group };
    panes.forEach((pane, index) => {
      const title = pane.querySelector(":scope > .tab-title");
      const tab = document.createElement("button");
      tab.type = "button";
      tab.id = `${pane.id}-tab`;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", pane.id);
      tab.append(...[...title.childNodes].map((node) => node.cloneNode(true)));
      tab.addEventListener("click", () => choose(tabset, index, false));
      pane.setAttribute("role", "tabpanel");
      pane.setAttribute("aria-labelledby", tab.id);
      list.append(tab);
      tabset.tabs.push(tab);
    });
    list.addEventListener("keydown", (event) => onKey(tabset, event));
    element.prepend(list);
    element.classList.add("ready");
    tabsets.push(tabset);
    select(tabset, 0, false);
  }

  for (const element of document.querySelectorAll("div.tabset")) build(element);

  // --- Links into something closed, wide tables, where the reader is -----------------------------

  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let up = target; up; up = up.parentElement) {
      if (up.tagName === "DETAILS") up.open = true;
      const tabset = tabsets.find((each) => each.panes.includes(up));
      if (tabset) select(tabset, tabset.panes.indexOf(up), false);
    }
    target.scrollIntoView();
  }
  window.addEventListener("hashchange", reveal);

  for (const table of document.querySelectorAll("main table")) {
    if (table.closest(".scroll, .vega-embed")) continue;
    const box = document.createElement("div");
    box.className = "scroll";
    table.replaceWith(box);
    box.append(table);
  }
  // A box that scrolls must be reachable by keyboard, and then needs a name.
  for (const box of document.querySelectorAll(".scroll")) {
    const caption = box.closest("figure.float")?.querySelector("figcaption");
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", caption?.textContent.trim() || "Table");
  }

  const contents = document.querySelector("body.embedded #toc details");
  const wide = window.matchMedia("(min-width: 72rem)");
  function foldContents() {
    if (contents) contents.open = wide.matches;
  }
  wide.addEventListener("change", foldContents);
  foldContents();

  const entries = [...document.querySelectorAll("body.embedded #toc a")]
    .map((link) => [link, document.getElementById(decodeURIComponent(link.hash.slice(1)))])
    .filter(([, heading]) => heading);

  function markPlace() {
    let current = null;
    for (const [link, heading] of entries) {
      if (heading.getBoundingClientRect().top < window.innerHeight / 3) current = link;
    }
    for (const [link] of entries) {
      if (link === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
  window.addEventListener("scroll", markPlace, { passive: true });

  reveal();
  markPlace();
  drawNear();
})();
