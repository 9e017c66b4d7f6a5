// Runs as a Worker: browsers slow the timers of a hidden page down to one a minute, but not a Worker's.
setInterval(() => postMessage(null), 500);
