// A list's export: the ticked rows, if there are any. Without this script the buttons export all rows, and the
// actions above the list export the ticked ones.
(() => {
  "use strict";

  const form = document.getElementById("export-form");
  const list = document.getElementById("changelist-form");
  const buttons = [...form.querySelectorAll("button[data-ticked]")].map((button) => [button, button.textContent]);

  function ticked() {
    const across = list.querySelector("[name=select_across]");
    if (across && across.value === "1") return []; // "select all matching rows"
    return [...list.querySelectorAll(".action-select:checked")].map((box) => box.value);
  }

  function relabel() {
    const count = ticked().length;
    for (const [button, all] of buttons) button.textContent = count ? button.dataset.ticked.replace("%", count) : all;
  }

  form.addEventListener("submit", () => {
    form.querySelectorAll("[name=_selected_action]").forEach((input) => input.remove());
    for (const value of ticked()) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name: "_selected_action", value });
      form.append(input);
    }
  });

  // After the admin's own script, which ticks and unticks boxes.
  for (const name of ["change", "click"]) list?.addEventListener(name, () => setTimeout(relabel));
  if (list) window.addEventListener("pageshow", relabel);
})();
