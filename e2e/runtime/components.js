// The built-in components of WeChat that the pages use. <input> in WXML is <wx-input> in the document, with
// the HTML control inside.
import { connectKeyboard } from "./keyboard.js";

const ARIA = ["Role", "Label", "Checked", "Hidden", "Disabled"];
const aria = Object.fromEntries(ARIA.map((name) => [`aria${name}`, null]));
const attributeName = (name) => (name === "Role" ? "role" : `aria-${name.toLowerCase()}`);
const HOVER = {
  hoverClass: String,
  hoverStartTime: { type: Number, value: 50 },
  hoverStayTime: { type: Number, value: 400 },
  hoverStopPropagation: Boolean,
};

function setAttributes(component) {
  const host = component.$$;
  if (!host) return;
  if (component.id) host.id = component.id; // glass-easel does not set it in the document
  // For the tests' selectors; WeChat keeps the dataset out of the document.
  for (const [name, value] of Object.entries(component.dataset ?? {})) host.dataset[name] = String(value);
  for (const name of ARIA) {
    const value = component.data[`aria${name}`];
    if (value === null || value === undefined || value === "") host.removeAttribute(attributeName(name));
    else host.setAttribute(attributeName(name), String(value));
  }
  if (host.localName === "wx-button" && !host.hasAttribute("role")) host.setAttribute("role", "button");
}

// hover-class: the pressed state, from shortly after the touch until shortly after its end.
function showPresses(component) {
  const host = component.$$;
  const classes = () => (component.data.hoverClass ?? "").split(/\s+/).filter((name) => name && name !== "none");
  let timer;
  host.addEventListener("touchstart", () => {
    clearTimeout(timer);
    timer = setTimeout(() => !component.data.disabled && host.classList.add(...classes()), component.data.hoverStartTime);
  });
  for (const type of ["touchend", "touchcancel"]) {
    host.addEventListener(type, () => {
      clearTimeout(timer);
      timer = setTimeout(() => host.classList.remove(...classes()), component.data.hoverStayTime);
    });
  }
}

export function defineComponents(space, phone) {
  const tags = [];
  const builtin = (tag, { properties, observers, attached, methods }) => {
    const component = space.defineComponent({
      is: `wx-${tag}`,
      options: { virtualHost: false },
      properties: { ...aria, ...properties },
      observers: {
        ...observers,
        "**"() {
          setAttributes(this);
          observers?.["**"]?.call(this);
        },
      },
      lifetimes: {
        attached() {
          setAttributes(this);
          if (properties && "hoverClass" in properties) showPresses(this);
          attached?.call(this);
        },
        detached() {
          this.form?.controls.delete(this);
        },
      },
      methods,
    });
    tags.push([tag, component]);
  };
  const formOf = (component) => component.$$.closest("wx-form")?.__wxElement;

  builtin("view", {
    properties: { ...HOVER, hidden: Boolean },
    observers: {
      "**"() {
        this.$$?.toggleAttribute("hidden", this.data.hidden);
      },
    },
    attached() {
      this.$$.toggleAttribute("hidden", this.data.hidden);
    },
  });
  builtin("text", { properties: { userSelect: Boolean } });
  builtin("label", {
    properties: { for: String },
    attached() {
      this.$$.addEventListener("click", () => {
        const target = this.data.for ? document.getElementById(this.data.for) : this.$$;
        target?.querySelector("input, textarea")?.focus();
      });
    },
  });
  builtin("page-meta", {
    properties: { rootFontSize: String, pageFontSize: String },
    attached() {
      if (this.data.rootFontSize === "system") document.documentElement.style.fontSize = `${phone.fontSize}px`;
    },
  });

  builtin("button", {
    properties: {
      ...HOVER,
      hoverClass: { type: String, value: "button-hover" },
      formType: String,
      type: String,
      size: String,
      plain: Boolean,
      loading: Boolean,
      disabled: Boolean,
      openType: String,
    },
    observers: {
      "**"() {
        this.$$?.toggleAttribute("disabled", this.data.disabled);
        this.$$?.toggleAttribute("loading", this.data.loading);
      },
    },
    attached() {
      this.$$.toggleAttribute("disabled", this.data.disabled);
      this.addListener("tap", () => {
        if (this.data.disabled) return;
        if (this.data.formType === "submit") formOf(this)?.submit();
        if (this.data.openType === "contact") phone.record("contact", "");
        if (this.data.openType === "agreePrivacyAuthorization") {
          phone.agreeToPrivacy();
          this.triggerEvent("agreeprivacyauthorization", {}, {});
        }
      });
    },
  });

  builtin("form", {
    attached() {
      this.controls ||= new Set();
    },
    methods: {
      submit() {
        const value = {};
        for (const control of this.controls || [])
          if (control.data.name) value[control.data.name] = control.control.value;
        this.triggerEvent("submit", { value }, {});
      },
    },
  });

  for (const tag of ["input", "textarea"]) {
    const sync = (component) => {
      const { control, data } = component;
      control.placeholder = data.placeholder;
      control.disabled = data.disabled;
      if (data.ariaLabel) control.setAttribute("aria-label", data.ariaLabel);
      if (data.name) control.name = data.name;
      if (data.maxlength >= 0) control.maxLength = data.maxlength;
      else control.removeAttribute("maxlength");
    };
    builtin(tag, {
      properties: {
        name: String,
        value: String,
        type: String,
        placeholder: String,
        placeholderClass: String,
        disabled: Boolean,
        maxlength: { type: Number, value: 140 },
        focus: Boolean,
        confirmType: String,
        confirmHold: Boolean,
        cursorSpacing: { type: Number, value: 0 },
        adjustPosition: { type: Boolean, value: true },
        autoHeight: Boolean,
        disableDefaultPadding: Boolean,
      },
      observers: {
        // As in WeChat, the control takes a value only when the property changes.
        value(text) {
          if (this.control && this.control.value !== text) this.control.value = text;
        },
        focus(isFocused) {
          if (isFocused) this.control?.focus();
        },
        "**"() {
          if (this.control) sync(this);
        },
      },
      attached() {
        const control = document.createElement(tag);
        this.control = control;
        control.value = this.data.value;
        sync(this);
        control.addEventListener("input", (event) => {
          event.stopPropagation();
          this.triggerEvent("input", { value: control.value, cursor: control.selectionStart }, {});
        });
        control.addEventListener("change", (event) => event.stopPropagation());
        connectKeyboard(this);
        this.$$.append(control);
        this.form = formOf(this);
        if (this.form) (this.form.controls ||= new Set()).add(this);
        if (this.data.focus) control.focus();
      },
    });
  }
  return tags;
}
