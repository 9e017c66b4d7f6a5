// What tabs of one browser tell each other about the sign-in they share. Never a word spoken, never a token.

const channel = new BroadcastChannel("bilby.sign-in");

/** Tell the other tabs `news`: "signed-in" or "signed-out". */
export function tellTabs(news) {
  channel.postMessage(news);
}

/** Run `heed(news)` when another tab tells some. */
export function hearTabs(heed) {
  channel.addEventListener("message", ({ data }) => heed(data));
}
