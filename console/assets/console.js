// The console's own script. Pages work without it; it adds keys, copying, times that stay right, preferences
// that apply at once, and the slider through time.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  // Times.
  const steps = [[31536000, "y"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  function relative(then) {
    const seconds = (Date.now() - then) / 1000;
    const [length, name] = steps.find(([s]) => Math.abs(seconds) >= s) || [0, ""];
    if (!length) return "just now";
    const text = Math.floor(Math.abs(seconds) / length) + " " + name;
    return seconds < 0 ? "in " + text : text + " ago";
  }
  function refresh() {
    for (const e of document.querySelectorAll("time[data-relative]")) {
      const text = relative(Date.parse(e.dateTime));
      if (e.textContent !== text) e.textContent = text;
    }
    // What flows in at the top of a table leaves it at the bottom.
    for (const e of document.querySelectorAll("[data-keep]")) {
      while (e.children.length > Number(e.dataset.keep)) e.lastElementChild.remove();
    }
  }
  setInterval(refresh, 1000);

  // A line that is read out.
  let notified;
  function notify(text) {
    const e = document.getElementById("notice");
    e.textContent = text;
    e.hidden = false;
    clearTimeout(notified);
    notified = setTimeout(() => { e.hidden = true; }, 4000);
  }

  // Copying. Over plain HTTP there is no clipboard but the old one.
  function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const e = document.createElement("textarea");
    e.value = text;
    e.className = "hidden";
    document.body.append(e);
    e.select();
    const copied = document.execCommand("copy");
    e.remove();
    return copied ? Promise.resolve() : Promise.reject(new Error("not copied"));
  }

  // Keys.
  function typing(e) {
    return e.closest("input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable]");
  }
  function row(by) {
    const rows = [...document.querySelectorAll("tr[data-row]")].filter((r) => r.querySelector("a"));
    if (!rows.length) return;
    const at = rows.findIndex((r) => r.contains(document.activeElement));
    const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)];
    next.querySelector("a").focus();
  }
  function follow(selector) {
    const link = document.querySelector(selector);
    if (link) link.click();
    return !!link;
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const search = document.getElementById("q");
    switch (event.key) {
      case "/":
        if (!search) return;
        search.focus();
        break;
      case "j": row(1); break;
      case "k": row(-1); break;
      case "?": location.href = "/console/keys"; break;
      case "ArrowLeft":
        if (event.target.type === "range" || !follow("a[data-step=back]")) return;
        break;
      case "ArrowRight":
        if (event.target.type === "range" || !follow("a[data-step=on]")) return;
        break;
      default: return;
    }
    event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { copy: text, copyFrom: from, copyLink: link } = button.dataset;
    const copied = from ? document.querySelector(from).textContent :
      link ? new URL(link, location.href).href : text;
    if (copied !== undefined) {
      copy(copied).then(() => notify("Copied"), () => notify("The browser did not let it be copied"));
    }
  });

  // Preferences apply at once; the browser's own zone can be chosen.
  function preferences() {
    for (const form of document.querySelectorAll("form[data-autosubmit]")) {
      form.addEventListener("change", () => form.requestSubmit());
      const button = form.querySelector("button");
      if (button) button.hidden = true;
    }
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const select of document.querySelectorAll("select[data-zones]")) {
      if (zone && ![...select.options].some((o) => o.value === zone)) {
        select.append(new Option(zone + " (this browser's)", zone));
      }
    }
  }
  document.addEventListener("htmx:error", () => notify("The worker did not answer; try again"));
  document.addEventListener("htmx:after:swap", refresh);
  document.addEventListener("DOMContentLoaded", () => { refresh(); preferences(); });
})();
