// The import page without a reload: the chosen file stays in the browser, and each step sends it again. Shows the progress
// and the server's answer. Without this script the form loads the page, and the file is chosen again for each step.
(() => {
  "use strict";

  const form = document.getElementById("import-form");
  const result = document.getElementById("import-result");
  const progress = document.getElementById("import-progress");
  const bar = progress.querySelector("progress");
  const stage = document.getElementById("import-stage");
  const texts = result.dataset;

  document.getElementById("choose-again")?.remove();

  function showError(text) {
    const list = document.createElement("ul");
    list.className = "errorlist";
    list.setAttribute("role", "alert");
    list.append(Object.assign(document.createElement("li"), { textContent: text }));
    result.replaceChildren(list);
  }

  function showProgress(text, done, total) {
    if (stage.textContent !== text) stage.textContent = text;
    bar.max = total || 1;
    bar.value = done;
  }

  // A login in another tab brings a new token.
  function token() {
    return /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];
  }

  function setBusy(busy) {
    progress.hidden = !busy;
    result.setAttribute("aria-busy", String(busy));
    for (const button of document.querySelectorAll("#import-form [type=submit], #import-form button, [form=import-form]")) {
      button.disabled = busy;
    }
  }

  async function faultOf(file) {
    if (!file) return texts.none;
    if (file.size > Number(texts.limit)) return texts.large;
    try {
      await file.slice(0, 1).arrayBuffer();
    } catch {
      return texts.changed;
    }
    return "";
  }

  async function send(button) {
    const body = new FormData(form);
    if (button?.name) body.set(button.name, button.value);
    if (token()) body.set("csrfmiddlewaretoken", token());
    const fault = await faultOf(form.elements.file.files[0]);
    if (fault) {
      if (fault === texts.changed) form.elements.file.value = "";
      return showError(fault);
    }
    result.replaceChildren();
    setBusy(true);
    showProgress(texts.sending, 0);
    const request = new XMLHttpRequest(); // fetch does not tell how much is sent
    let html;
    const read = () => {
      const lines = request.responseText.split("\n");
      const last = lines.at(-2); // the last one that is complete
      if (!last || !(request.getResponseHeader("Content-Type") || "").includes("ndjson")) return;
      const step = JSON.parse(last);
      if (step.total) showProgress(texts.reading, step.done, step.total);
      html = step.html;
    };
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) showProgress(texts.sending, event.loaded, event.total);
    };
    request.upload.onload = () => showProgress(texts.reading, 0);
    request.onprogress = read;
    request.onloadend = () => {
      read();
      setBusy(false);
      if (html) result.innerHTML = html; // the server rendered and escaped it
      else showError(request.responseURL.includes("/login/") ? texts.login : texts.failed);
      result.focus({ preventScroll: matchMedia("(min-width: 1024px)").matches }); // it stands beside the form
    };
    request.open("POST", form.action);
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    request.setRequestHeader("Accept", "text/html");
    request.send(body);
  }

  form.addEventListener("submit", (event) => {
    if (event.submitter?.name === "report") return; // the browser saves the file
    event.preventDefault();
    send(event.submitter);
  });
})();
