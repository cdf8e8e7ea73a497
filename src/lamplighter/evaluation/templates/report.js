"use strict";
(() => {
  const pictures = [...document.querySelectorAll("figure[data-cell]")];
  const status = document.getElementById("filter-status");
  const words = document.getElementById("filter-words");
  const all = document.getElementById("filter-all");
  const cells = [...document.querySelectorAll("a[data-cell]")];
  const show = (cell, link) => {
    for (const picture of pictures) picture.hidden = Boolean(cell) && picture.dataset.cell !== cell;
    for (const group of document.querySelectorAll("[data-gallery]")) {
      group.hidden = Boolean(cell) && !group.querySelector("figure:not([hidden])");
    }
    for (const other of cells) other.removeAttribute("aria-current");
    if (link) link.setAttribute("aria-current", "true");
    if (status) status.hidden = !cell;
    if (words && link) words.textContent = link.dataset.words;
  };
  for (const link of cells) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      show(link.dataset.cell, link);
      const target = document.getElementById("pictures");
      target.scrollIntoView();
      target.focus({ preventScroll: true });
    });
  }
  if (all) all.addEventListener("click", () => show("", null));
  for (const head of document.querySelectorAll("th[data-sort] button")) {
    head.addEventListener("click", () => {
      const cell = head.parentElement;
      const body = cell.closest("table").tBodies[0];
      const at = [...cell.parentElement.children].indexOf(cell);
      const up = cell.getAttribute("aria-sort") !== "ascending";
      for (const other of cell.parentElement.children) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => row.children[at].dataset.value ?? row.children[at].textContent;
      const compare = (a, b) => {
        const [x, y] = [value(a), value(b)];
        return cell.dataset.sort === "number" ? x - y : x.localeCompare(y);
      };
      const rows = [...body.rows].sort((a, b) => (up ? compare(a, b) : compare(b, a)));
      body.append(...rows);
    });
  }
  const copy = document.getElementById("copy");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById("command").textContent);
      copy.textContent = "copied";
    });
  }
  window.addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details")) one.open = true;
  });
})();
