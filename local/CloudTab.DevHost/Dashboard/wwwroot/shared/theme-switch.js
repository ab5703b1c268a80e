import { button } from "./controls.js";
import { icon } from "./icons.js";

/** Shows what it leads to. */
export function themeSwitch() {
  const control = button({ label: "Switch between light and dark", icon: "moon", quiet: true, onClick: () => window.theme.toggle() });
  const draw = () => control.replaceChildren(icon(window.theme.isDark() ? "sun" : "moon"));
  window.addEventListener("themechange", draw);
  draw();
  return control;
}
