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

  function showAnswer(html, changes) {
    result.innerHTML = html; // the server rendered and escaped it
    const file = document.getElementById("import-file");
    if (!file) return;
    file.firstElementChild.href = URL.createObjectURL(new Blob(changes, { type: "text/csv" }));
    file.hidden = false;
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
    const old = result.querySelector("#import-file a");
    if (old) URL.revokeObjectURL(old.href);
    result.replaceChildren();
    setBusy(true);
    showProgress(texts.sending, 0);
    const request = new XMLHttpRequest(); // fetch does not tell how much is sent
    const changes = ["\ufeff"]; // without this mark Excel garbles Chinese
    let html;
    let begin = 0;
    const read = () => {
      if (!(request.getResponseHeader("Content-Type") || "").includes("ndjson")) return;
      const end = request.responseText.lastIndexOf("\n"); // of the last line that is complete
      if (end < begin) return;
      for (const line of request.responseText.slice(begin, end).split("\n")) {
        const step = JSON.parse(line);
        if (step.total) showProgress(texts.reading, step.done, step.total);
        if (step.changes) changes.push(step.changes);
        html = step.html;
      }
      begin = end + 1;
    };
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) showProgress(texts.sending, event.loaded, event.total);
    };
    request.upload.onload = () => showProgress(texts.reading, 0);
    request.onprogress = read;
    request.onloadend = () => {
      read();
      setBusy(false);
      if (html) showAnswer(html, changes);
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
