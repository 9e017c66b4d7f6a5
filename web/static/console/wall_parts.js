// What the consoles of supervisors, admins and owners have. An agent's fetches none of it.

export { Alerts } from "./wall/alerts.js";
export { RowTools } from "./wall/row_tools.js";
export { Tiles } from "./wall/tiles.js";
export { Wall } from "./wall/wall.js";
export { WallActions } from "./wall/wall_actions.js";
export { WallTools } from "./wall/wall_tools.js";
