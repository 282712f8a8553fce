// What is shown once can be copied with one tap. Without a clipboard (plain http) it is selected, to be copied by hand.
for (const button of document.querySelectorAll("[data-copy]")) {
  const field = button.closest(".copied").querySelector("[data-copied]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    if (!navigator.clipboard) return;
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
  });
}
