// Tabs, built from panes that stand below one another without scripts.

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
