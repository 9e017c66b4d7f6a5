// What the address says of the wall: /console#call=CA… reads one call, /console#calls=CA…,CA…&newest several side by side. Pure.

import { MOST } from "./beside.js";

const CALL = /^CA[0-9A-Za-z]{1,40}$/; // whatever media calls a call
export const WALL = { call: null, calls: [], newest: false };

/** What an address's fragment asks for: {call: id or null, calls: [ids], newest}. Of one that is not the wall's: the wall. */
export function parse(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const call = said.get("call") ?? "";
  if (CALL.test(call)) return { ...WALL, call };
  const calls = [...new Set((said.get("calls") ?? "").split(","))].filter((id) => CALL.test(id)).slice(0, MOST);
  const newest = said.has("newest");
  return calls.length || newest ? { call: null, calls, newest } : WALL;
}

/** The fragment that asks for that; "" for the wall. */
export function format({ call = null, calls = [], newest = false }) {
  if (call) return `#call=${call}`;
  if (!calls.length && !newest) return "";
  return `#calls=${calls.join(",")}${newest ? "&newest" : ""}`;
}
