// Paper: everything open, on white, every chart drawn.

function readyForPaper() {
  root.classList.add("printing");
  for (const details of document.querySelectorAll("main details")) details.open = true;
  return drawAllCharts();
}

// The browser does not wait here: charts that are not drawn yet are printed as their words. The
// button below waits.
window.addEventListener("beforeprint", readyForPaper);
window.addEventListener("afterprint", () => {
  root.classList.remove("printing");
  soon();
});

for (const button of document.querySelectorAll("button.print")) {
  button.hidden = false;
  button.addEventListener("click", () => readyForPaper().then(() => window.print()));
}
