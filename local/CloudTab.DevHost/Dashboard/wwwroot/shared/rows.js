/** Up and down go from row to row, from wherever in a row the focus is. */
export function moveByArrows(container, signal) {
  container.addEventListener(
    "keydown",
    event => {
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      const row = event.target.closest("tr");
      if (!row || event.target.matches("select, input")) return;
      const rows = [...container.querySelectorAll(".row-link")];
      const at = rows.findIndex(link => row.contains(link));
      const next = rows[at + (event.key === "ArrowDown" ? 1 : -1)];
      if (at < 0 || !next) return;
      event.preventDefault();
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    },
    { signal },
  );
}

/** A click anywhere in a row is a click on its link, unless it was meant for something else or marks text. */
export const rowClick = event => {
  if (!event.target.closest("a, button, input, summary") && getSelection().isCollapsed)
    event.currentTarget.querySelector(".row-link")?.click();
};
