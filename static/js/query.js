// The query page without a reload: sends a form with data-fragment in the background and replaces the
// content of #result with the server's fragment. Without this script the forms load the page instead.
(() => {
  "use strict";

  const result = document.getElementById("result");
  let latestRequest = 0;

  function showMessage(text) {
    const message = document.createElement("p");
    message.className = "message problem";
    message.setAttribute("role", "alert");
    message.textContent = text;
    result.replaceChildren(message);
  }

  async function send(form, button) {
    const requestNumber = ++latestRequest;
    const isInResult = result.contains(form);
    result.setAttribute("aria-busy", "true");
    result.dataset.state = result.dataset.loading;
    let response, text;
    try {
      response = await fetch(form.action, {
        method: "POST",
        body: new URLSearchParams(new FormData(form, button)),
        headers: { Accept: "text/html", "X-Requested-With": "XMLHttpRequest" },
      });
      text = await response.text();
    } catch {
      response = null;
    }
    if (requestNumber !== latestRequest) return; // a stale reply
    result.removeAttribute("aria-busy");
    delete result.dataset.state;

    if (!response) return showMessage(result.dataset.failed);
    if ((response.headers.get("Content-Type") || "").startsWith("application/json")) {
      const answer = JSON.parse(text);
      if (answer.login) return location.assign(answer.login);
      return showMessage(answer.message || result.dataset.failed);
    }
    if (response.status >= 500) return showMessage(result.dataset.failed);
    result.innerHTML = text; // the server rendered and escaped it
    if (isInResult) result.focus(); // the button that had the focus was replaced
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-fragment]")) return;
    event.preventDefault();
    send(event.target, event.submitter);
  });
})();
