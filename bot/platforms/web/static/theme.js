// Runs before the page is painted, so that a chosen theme doesn't flash. Without a choice, the system's theme holds.
const chosenTheme = localStorage.getItem("theme");
if (chosenTheme === "light" || chosenTheme === "dark") document.documentElement.dataset.theme = chosenTheme;
