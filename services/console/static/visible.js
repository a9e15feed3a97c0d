// What refreshes itself rests while nobody looks at the page.
document.addEventListener("htmx:before:request", (event) => {
  const trigger = event.target.getAttribute?.("hx-trigger") ?? "";
  if (document.hidden && trigger.startsWith("every")) event.preventDefault();
});
