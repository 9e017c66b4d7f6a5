// Which calls stand side by side: up to six places, some of them pinned. Pure: places in, places out.
//
// A place: {id, pinned}. Whoever follows the newest has each new call put in; when all places are taken, the call that has been there for longest
// and is not pinned gives way. Calls that ended give way first.

export const MOST = 6;

/** `places` with the call `id`; the same if it is there. */
export function added(places, id, isOver = () => false) {
  if (places.some((place) => place.id === id)) return places;
  if (places.length < MOST) return [...places, { id, pinned: false }];
  const free = places.filter(({ pinned }) => !pinned);
  const leaves = free.find((place) => isOver(place.id)) ?? free[0];
  return leaves ? places.map((place) => (place === leaves ? { id, pinned: false } : place)) : places;
}

/** `places` without the call `id`. */
export function removed(places, id) {
  return places.filter((place) => place.id !== id);
}

/** `places` in which the call `id` is pinned if it was not, and the other way round. */
export function pinned(places, id) {
  return places.map((place) => (place.id === id ? { ...place, pinned: !place.pinned } : place));
}

/** `places` for the calls `ids`, in that order; what was pinned stays so. */
export function placed(places, ids) {
  const known = new Map(places.map((place) => [place.id, place]));
  return ids.slice(0, MOST).map((id) => known.get(id) ?? { id, pinned: false });
}
