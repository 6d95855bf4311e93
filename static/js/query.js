// The query page without a reload: sends a form with data-fragment in the background and replaces the
// content of #result with the server's fragment. Without this script the forms load the page instead.
(() => {
  "use strict";

  const result = document.getElementById("result");
  const lookup = document.querySelector("form.lookup");
  const input = lookup.elements.acc_nbr;
  let latestRequest = 0;

  // The last number of this tab and its user: the page looks it up again after a login, in the other language and on the
  // way back. It stays in the tab, because no address may hold a number.
  const kept = {
    key: "looked-up",
    set(number) {
      try {
        sessionStorage.setItem(this.key, JSON.stringify({ user: result.dataset.user, number }));
      } catch {
        // The browser forbids it: the page works without.
      }
    },
    get() {
      try {
        const { user, number } = JSON.parse(sessionStorage.getItem(this.key));
        return user === result.dataset.user ? number : "";
      } catch {
        return "";
      }
    },
  };

  function showMessage(text) {
    const message = document.createElement("p");
    message.className = "message problem";
    message.setAttribute("role", "alert");
    message.textContent = text;
    result.replaceChildren(message);
  }

  // The next number replaces this one. On a phone the keyboard would cover the result.
  function selectInput() {
    if (!matchMedia("(pointer: fine)").matches) return;
    input.focus();
    input.select();
  }

  async function send(form, button) {
    const requestNumber = ++latestRequest;
    const isLookUp = form.action === lookup.action;
    const body = new URLSearchParams(new FormData(form));
    if (button?.name) body.set(button.name, button.value);
    kept.set(body.get("acc_nbr"));
    if (isLookUp) input.value = body.get("acc_nbr");
    result.setAttribute("aria-busy", "true");
    result.dataset.state = result.dataset.loading;
    let response, text;
    try {
      response = await fetch(form.action, {
        method: "POST",
        body,
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
    if (isLookUp) selectInput();
    else result.focus(); // the button that had the focus was replaced
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-fragment]")) return;
    event.preventDefault();
    send(event.target, event.submitter);
  });

  if (result.childElementCount) return selectInput(); // the server remembered a look-up without this script
  if (kept.get()) {
    input.value = kept.get();
    send(lookup);
  }
})();
