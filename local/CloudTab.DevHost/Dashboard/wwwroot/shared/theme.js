// Light or dark. A classic script in the head, so that the choice is made before the first paint.
(() => {
  const root = document.documentElement;
  const media = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : media.matches);

  const kept = localStorage.getItem("theme");
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;

  window.theme = {
    isDark,
    // Goes back to following the system where that is what the user now wants.
    toggle() {
      const wanted = isDark() ? "light" : "dark";
      if ((wanted === "dark") === media.matches) {
        delete root.dataset.theme;
        localStorage.removeItem("theme");
      } else {
        root.dataset.theme = wanted;
        localStorage.setItem("theme", wanted);
      }
      window.dispatchEvent(new Event("themechange"));
    },
  };
  media.addEventListener("change", () => window.dispatchEvent(new Event("themechange")));
})();
