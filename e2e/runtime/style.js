// The default styles of WeChat's client, including those that often break pages' own styles.
export const CLIENT_CSS = `
body { margin: 0; font: 16px/1.4 -apple-system, "PingFang SC", "Noto Sans CJK SC", sans-serif; }
wx-view, wx-form { display: block; }
wx-page-meta { display: none; }
wx-view[hidden] { display: none; }
wx-text { white-space: pre-line; }
wx-button {
  position: relative; display: block; box-sizing: border-box; margin-left: auto; margin-right: auto;
  padding: 0 14px; font-size: 18px; line-height: 2.55; text-align: center; border-radius: 5px;
  overflow: hidden; color: #000; background-color: #f8f8f8;
}
.button-hover { background-color: #dedede; }
wx-button[disabled]:not([type]) { color: rgba(0, 0, 0, .3); background-color: #f7f7f7; pointer-events: none; }
wx-button[loading]::before { content: "◌ "; }
wx-label { display: inline; }
wx-input { display: block; height: 1.4rem; min-height: 1.4rem; overflow: hidden; white-space: nowrap; }
wx-textarea { display: block; width: 300px; height: 150px; }
wx-input > input, wx-textarea > textarea {
  box-sizing: border-box; display: block; width: 100%; height: inherit; min-height: inherit; margin: 0; padding: 0;
  border: 0; outline: 0; background: none; color: inherit; font: inherit; resize: none; field-sizing: content;
}
wx-input > input { field-sizing: fixed; }
#navigation-bar { height: 44px; line-height: 44px; text-align: center; font-weight: 600; font-size: 17px; }
#wx-toast, #wx-modal { position: fixed; left: 50%; top: 45%; transform: translate(-50%, -50%); z-index: 9; border-radius: 12px; }
#wx-toast { padding: 20px 24px; background: rgba(76, 76, 76, .95); color: #fff; font-size: 16px; text-align: center; white-space: nowrap; }
#wx-keyboard { position: fixed; left: 0; right: 0; bottom: 0; z-index: 8; background: #d1d4da; pointer-events: none; }
#wx-not-found { padding: 80px 24px; text-align: center; }
#wx-toast > :first-child { font-size: 40px; line-height: 1.2; }
#wx-modal { padding: 24px; background: #fff; color: #000; box-shadow: 0 0 0 100vmax rgba(0, 0, 0, .5); font-size: 16px; }
`;
