import { live } from "./live.js";

/** As many as controls.css has. */
export const colours = 10;

/** The class that gives a service its colour: the same in every view. In order of the names, so that neighbours differ. */
export function colourOf(service) {
  const at = live.names.indexOf(service);
  return `hue-${(at >= 0 ? at : sum(service)) % colours}`;
}

const sum = text => [...text].reduce((total, letter) => total + letter.codePointAt(0), 0);
