// The keyboard on the screen: it covers the lower part, and the page scrolls so that the field stays visible.
const HEIGHT = 260; // px

const listeners = [];
export const onKeyboardHeightChange = (listener) => listeners.push(listener);
let owner = null;

function show(height) {
  document.getElementById("wx-keyboard")?.remove();
  document.body.style.paddingBottom = height ? `${height}px` : "";
  if (height) {
    const box = document.createElement("div");
    box.id = "wx-keyboard";
    box.style.height = `${height}px`;
    document.body.append(box);
  }
  listeners.forEach((listener) => listener({ height, duration: 0 }));
}

// `component` is a built-in input or textarea with its HTML control.
export function connectKeyboard(component) {
  const { control } = component;
  const trigger = (type, detail) => component.triggerEvent(type, detail, {});
  control.addEventListener("focus", () => {
    owner = component;
    show(HEIGHT);
    const below = control.getBoundingClientRect().bottom + Number(component.data.cursorSpacing) + HEIGHT;
    if (component.data.adjustPosition && below > window.innerHeight) window.scrollBy(0, below - window.innerHeight);
    trigger("focus", { value: control.value, height: HEIGHT });
    trigger("keyboardheightchange", { height: HEIGHT, duration: 0 });
  });
  control.addEventListener("blur", () => {
    if (owner === component) {
      owner = null;
      show(0);
    }
    trigger("blur", { value: control.value, cursor: control.selectionStart });
    trigger("keyboardheightchange", { height: 0, duration: 0 });
  });
  control.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || control.localName === "textarea") return;
    event.preventDefault();
    trigger("confirm", { value: control.value });
    if (!component.data.confirmHold) control.blur();
  });
  // The number keyboard has no other keys. Pasted text comes without key events.
  control.addEventListener("beforeinput", (event) => {
    const isTyped = event.inputType === "insertText" && event.data?.length === 1;
    if (component.data.type === "number" && isTyped && /\D/.test(event.data)) event.preventDefault();
  });
}
