// The two threads of WeChat: pages' scripts run apart from the screen. Events reach the script after a delay, and
// setData reaches the screen after a delay; both arrive in order.

// Milliseconds that a message takes. The constant pattern makes runs alike.
const DELAYS = [30, 55, 40, 60, 35, 50];
const LAG = window.phoneSettings.lag; // 1, or more for a phone that is busy

class Channel {
  constructor() {
    this.waiting = [];
    this.sent = 0;
    this.lastArrival = 0;
  }

  // Runs `deliver` on the other side, after all messages that were sent before.
  send(deliver) {
    this.sent += 1;
    const arrival = Math.max(performance.now() + LAG * DELAYS[this.sent % DELAYS.length], this.lastArrival);
    this.lastArrival = arrival;
    this.waiting.push(deliver);
    setTimeout(() => this.waiting.shift()(), arrival - performance.now());
  }
}

export const toScript = new Channel();
export const toView = new Channel();

const clone = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

const pointsOf = (touches) =>
  Array.from(touches ?? [], ({ identifier, clientX, clientY, pageX, pageY }) => ({
    identifier,
    clientX,
    clientY,
    pageX,
    pageY,
  }));

// The event as the script gets it: a copy that was made on the screen when it happened.
function scriptEvent(event) {
  const targetOf = (target) => ({ id: target?.id ?? "", dataset: clone(target?.dataset ?? {}) });
  const { touches, changedTouches, ...detail } = event.detail ?? {};
  return {
    type: event.type,
    detail: touches ? {} : clone(detail),
    touches: pointsOf(touches),
    changedTouches: pointsOf(changedTouches),
    currentTarget: targetOf(event.currentTarget),
    target: targetOf(event.target),
    timeStamp: event.timeStamp,
  };
}

const LIFECYCLE = new Set(["onLoad", "onShow", "onReady", "onHide", "onUnload"]);
const isViewEvent = (value) => Boolean(value && value.type && value.currentTarget && "getEventBubbleStatus" in value);

// Page options whose event handlers get their events from the screen, after the delay.
export function delayHandlers(options, onError) {
  const wrapped = { ...options };
  for (const [name, method] of Object.entries(options)) {
    if (typeof method !== "function" || LIFECYCLE.has(name)) continue;
    wrapped[name] = function handle(...values) {
      if (!isViewEvent(values[0])) return method.apply(this, values);
      const event = scriptEvent(values[0]);
      toScript.send(() => {
        try {
          method.call(this, event);
        } catch (error) {
          onError(error);
        }
      });
      return undefined;
    };
  }
  return wrapped;
}

function setPath(data, path, value) {
  const names = path.match(/[^.[\]]+/g);
  const last = names.pop();
  let holder = data;
  names.forEach((name, i) => {
    if (typeof holder[name] !== "object" || holder[name] === null)
      holder[name] = /^\d+$/.test(names[i + 1] ?? last) ? [] : {};
    holder = holder[name];
  });
  holder[last] = value;
}

// Gives the page's script its own `data`. `isOpen()` tells whether the screen still has the page.
export function separateData(instance, { isOpen, reportError }) {
  const viewSetData = instance.setData.bind(instance);
  const scriptData = clone(instance.data);
  Object.defineProperty(instance, "data", { get: () => scriptData });
  instance.setData = (patch, callback) => {
    for (const [path, value] of Object.entries(patch)) {
      if (value === undefined) reportError(`setData: "${path}" is undefined`);
      setPath(scriptData, path, clone(value));
    }
    const copy = clone(patch);
    toView.send(() => {
      if (!isOpen()) return;
      viewSetData(copy);
      if (callback) toScript.send(() => callback.call(instance));
    });
  };
}
