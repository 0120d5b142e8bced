// The one dialog of a page: a <dialog>, so that the browser keeps focus inside and gives it back.

const dialog = document.getElementById("dialog");

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

/** Show `content` under `title`; what was in the dialog before is gone. */
export function openDialog(title, ...content) {
  document.getElementById("dialog-title").textContent = title;
  document.getElementById("dialog-body").replaceChildren(...content);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  document.getElementById("dialog-title").focus();
}

export const closeDialog = () => dialog.close();
