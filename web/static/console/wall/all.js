// What the consoles of supervisors, admins and owners have. An agent's fetches none of it.

export { Alerts } from "./alerts.js";
export { RowTools } from "./row_tools.js";
export { Tiles } from "./tiles.js";
export { Wall } from "./wall.js";
export { WallActions } from "./wall_actions.js";
export { WallTools } from "./wall_tools.js";
