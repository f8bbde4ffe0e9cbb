// Keys and copying. Everything that a key does can also be clicked, and without this file the page still works.
"use strict";

document.documentElement.classList.add("js");

const within = (node, selector) => node instanceof Element && node.closest(selector) !== null;

const isTyping = (node) => within(node, "textarea, select, input:not([type=checkbox]):not([type=radio]), dialog[open]");

// While an answer is awaited, nothing on the page is pressed: what will be there has not been looked at.
const isWaiting = () => document.querySelector("#page .htmx-request") !== null;

// The rows of a list, one of which is where J and K start from.
const rows = () => [...document.querySelectorAll("[data-rows] a[data-row]")];

function step(by) {
  const all = rows();
  if (all.length === 0) return;
  const here = all.findIndex((row) => row.closest("[data-item]").contains(document.activeElement));
  const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1);
  all[next].focus();
  all[next].closest("[data-item]").scrollIntoView({ block: "nearest" });
}

function tick() {
  const item = document.activeElement && document.activeElement.closest("[data-item]");
  const box = item && item.querySelector("input[type=checkbox]");
  if (box) box.click();
}

function askWhy(button) {
  const reason = document.querySelector("#reason");
  if (reason && reason.value.trim() === "") reason.focus();
  else button.click();
}

function press(key) {
  const wanted = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (wanted && (wanted.disabled || isWaiting())) return false;
  if (wanted && wanted.matches("[data-asks]")) askWhy(wanted);
  else if (wanted) wanted.click();
  else if (key === "j") step(1);
  else if (key === "k") step(-1);
  else if (key === "x") tick();
  else return false;
  return true;
}

// The key that was pressed last and did something. A key that is held does it once: the change that comes next has not
// been read, and the reason that is asked for is not written yet. J and K go on.
let pressed = "";

document.addEventListener("keydown", (event) => {
  const key = (event.key || "").toLowerCase();  // a browser that fills in a form presses no key
  if (event.repeat && key !== "j" && key !== "k") {
    if (key === pressed) event.preventDefault();
    return;
  }
  pressed = "";
  if (within(event.target, "#reason") && key === "enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    pressed = key;
    const reject = document.querySelector("[data-asks]");
    if (reject && !isWaiting()) reject.click();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && isTyping(event.target)) event.target.blur();
  if (isTyping(event.target)) return;
  if (!press(key)) return;
  event.preventDefault();
  pressed = key;
});

// Where not all tabs fit, the one of this page is among those that are seen.
const tab = document.querySelector(".bar [aria-current]");
if (tab) tab.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.querySelector(opener.dataset.opens).showModal();
  const all = event.target.closest("[data-ticks]");
  if (all) for (const box of document.querySelectorAll(all.dataset.ticks)) box.checked = all.checked;
  const copier = event.target.closest("[data-copies]");
  if (!copier) return;
  const said = copier.querySelector("[aria-live]");
  const done = (word) => { said.textContent = word; };
  navigator.clipboard.writeText(document.querySelector(copier.dataset.copies).textContent).then(
    () => done("copied"),
    () => done("not allowed"),
  );
});

// A new page in place of the old one: say so to who cannot see it, and let its keys work at once. Whoever sets
// filters stays there.
document.addEventListener("htmx:after:swap", () => {
  const title = document.querySelector("#page h1");
  if (title && !within(document.activeElement, ".filters")) title.focus({ preventScroll: true });
});
