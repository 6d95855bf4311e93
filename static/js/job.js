// The page of a background job: fetches the progress until the job is finished. Without this script the page
// reloads itself.
(() => {
  "use strict";

  const box = document.getElementById("job");

  async function look() {
    let response;
    try {
      response = await fetch(box.dataset.url, { headers: { Accept: "text/html", "X-Requested-With": "XMLHttpRequest" } });
    } catch {
      return setTimeout(look, 5000); // the network may come back
    }
    if (!response.ok) return location.reload(); // the login page, or the reason
    const hadFocus = box.contains(document.activeElement);
    box.innerHTML = await response.text(); // the server rendered and escaped it
    if (hadFocus) box.querySelector("button, a")?.focus();
    if (!box.querySelector("[data-finished]")) setTimeout(look, 1000);
  }

  setTimeout(look, 1000);
})();
