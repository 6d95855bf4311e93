// The query page without a reload: a form marked data-fragment is sent in the background, and the
// fragment that the server answers with takes the place of #result. Without this script the same
// forms load the same page.
(() => {
  "use strict";

  const result = document.getElementById("result");
  let latest = 0;

  function say(text) {
    const message = document.createElement("p");
    message.className = "message problem";
    message.setAttribute("role", "alert");
    message.textContent = text;
    result.replaceChildren(message);
  }

  async function send(form) {
    const ticket = ++latest; // a reply to anything but the newest question is stale
    const replacesItself = result.contains(form);
    result.setAttribute("aria-busy", "true");
    result.dataset.state = result.dataset.loading;
    let response, text;
    try {
      response = await fetch(form.action, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { Accept: "text/html", "X-Requested-With": "XMLHttpRequest" },
      });
      text = await response.text();
    } catch {
      response = null;
    }
    if (ticket !== latest) return;
    result.removeAttribute("aria-busy");
    delete result.dataset.state;

    if (!response) return say(result.dataset.failed);
    if ((response.headers.get("Content-Type") || "").startsWith("application/json")) {
      const answer = JSON.parse(text);
      if (answer.login) return location.assign(answer.login);
      return say(answer.message || result.dataset.failed);
    }
    if (response.status >= 500) return say(result.dataset.failed);
    result.innerHTML = text; // rendered and escaped by the server
    if (replacesItself) result.focus(); // the button that had the focus is gone
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-fragment]")) return;
    event.preventDefault();
    send(event.target);
  });
})();
