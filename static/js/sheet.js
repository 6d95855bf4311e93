// The print button of a sheet of codes. Without this script the browser's menu prints.
(() => {
  "use strict";

  const button = document.getElementById("print");
  button.hidden = false;
  button.addEventListener("click", () => window.print());
})();
