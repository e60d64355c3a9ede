// Links into something closed, wide tables, and where the reader is.

function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let up = target; up; up = up.parentElement) {
    if (up.tagName === "DETAILS") up.open = true;
    const tabset = tabsets.find((each) => each.panes.includes(up));
    if (tabset) select(tabset, tabset.panes.indexOf(up), false);
  }
  // At once: on the way past thirty screens there is nothing to see.
  target.scrollIntoView({ behavior: "instant" });
  drawNear();
}
window.addEventListener("hashchange", reveal);
// A second click on the same link changes no address, but its target may be closed by now.
document.addEventListener("click", (event) => {
  if (event.target.closest?.('a[href^="#"]')) setTimeout(reveal);
});

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
  if (!box.hasAttribute("aria-label")) {
    box.setAttribute("aria-label", caption?.textContent.trim() || "Table");
  }
}

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
