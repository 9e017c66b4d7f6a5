// Messages between tabs of one browser about their shared sign-in. Never a transcript, never a token.

const channel = new BroadcastChannel("bilby.sign-in");

/** Tell the other tabs `news`: "signed-in" or "signed-out". */
export function tellTabs(news) {
  channel.postMessage(news);
}

/** Run `heed(news)` when another tab sends news. */
export function hearTabs(heed) {
  channel.addEventListener("message", ({ data }) => heed(data));
}
