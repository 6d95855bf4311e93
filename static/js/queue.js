// The keys of the queue, also while a note is written: Alt with the key of an element's data-key clicks it, and
// Ctrl+Enter (on a Mac Cmd+Enter) saves. Without this script the page does not name the keys.
(() => {
  "use strict";

  const help = document.getElementById("queue-keys");
  if (!help) return;
  help.hidden = false;
  document.addEventListener("keydown", (event) => {
    const { altKey, ctrlKey, metaKey, shiftKey, code } = event;
    let key;
    if (code === "Enter" && (ctrlKey || metaKey)) key = "KeyS";
    else if (altKey && !ctrlKey && !metaKey && !shiftKey) key = code;
    const target = key && document.querySelector(`[data-key="${key}"]`);
    if (!target || event.repeat) return;
    event.preventDefault();
    target.click();
  });
})();
