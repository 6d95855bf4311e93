// Faults of the look of a phone's page. Each function resolves to a list of texts.
const fs = require("node:fs");

const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const sidewaysScroll = (page) =>
  page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth ? [`scrolls sideways by ${scrollWidth - clientWidth} px`] : [];
  });

// Elements that do not fit their text.
const clippedTexts = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("wx-text, wx-button, wx-input > input, wx-textarea > textarea")]
      .filter((element) => getComputedStyle(element).display !== "inline" && element.clientHeight > 0)
      .filter((element) => element.scrollHeight > element.clientHeight + 2)
      .map((element) => `clips text: ${element.outerHTML.slice(0, 120)}`),
  );

// Tap targets smaller than 44 px.
const smallTargets = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("wx-button, [role=radio], [role=button], .field")]
      .map((element) => [element.textContent.slice(0, 20), element.getBoundingClientRect()])
      .filter(([, box]) => box.width > 0 && (box.width < 44 || box.height < 44))
      .map(([text, box]) => `small tap target: ${text} ${box.width}x${box.height}`),
  );

// Borders of editable fields and of buttons with less contrast than 3:1 (WCAG 1.4.11) to what is around them.
const faintBorders = (page) =>
  page.evaluate(() => {
    const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const isTransparent = (colour) => parse(colour)[3] === 0;
    const luminance = (colour) => {
      const [red, green, blue] = parse(colour)
        .slice(0, 3)
        .map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const around = (element) => {
      for (let outer = element.parentElement; outer; outer = outer.parentElement) {
        const { backgroundColor } = getComputedStyle(outer);
        if (!isTransparent(backgroundColor)) return backgroundColor;
      }
      return "rgb(255, 255, 255)";
    };
    return [...document.querySelectorAll(".field:not(.off), wx-button")].flatMap((element) => {
      const { borderTopColor, borderTopWidth } = getComputedStyle(element);
      if (!element.clientHeight || borderTopWidth === "0px" || isTransparent(borderTopColor)) return [];
      const [dark, light] = [luminance(borderTopColor), luminance(around(element))].sort((a, b) => a - b);
      const contrast = (light + 0.05) / (dark + 0.05);
      return contrast < 3 ? [`faint border: ${element.textContent.slice(0, 20)} ${contrast.toFixed(2)}`] : [];
    });
  });

// Cards that do not stand in the middle of the screen.
const offCentreCards = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll(".card, .bar .button")]
      .map((element) => element.getBoundingClientRect())
      .filter((box) => box.width && Math.abs(box.left + box.right - document.documentElement.clientWidth) > 2)
      .map((box) => `off centre: ${box.left} to ${box.right} px`),
  );

// Violations of WCAG 2.1 A and AA that axe-core finds.
async function accessibilityFaults(page) {
  if (!(await page.evaluate("Boolean(window.axe)"))) await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
      // WeChat and not the page sets the scale.
      rules: { "meta-viewport": { enabled: false } },
    });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 200)}`),
    );
  });
}

const CHECKS = [sidewaysScroll, clippedTexts, smallTargets, faintBorders, offCentreCards, accessibilityFaults];

async function findFaults(page) {
  const faults = [];
  for (const check of CHECKS) faults.push(...(await check(page)));
  return faults;
}

module.exports = { findFaults };
