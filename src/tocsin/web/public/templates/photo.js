/* Sends a photo ahead of its form: shows how far it is, and keeps the page when the line is down.
   The form itself then goes the browser's own way. Without this script it takes the photo along. */
const form = document.querySelector("form[data-sending]");
const said = form?.querySelector(".sending");
const field = form?.querySelector("input[type=file]");
// Reads the node's page into a document that runs nothing; nothing else is let through as markup.
const inert = globalThis.trustedTypes?.createPolicy("inert", { createHTML: (text) => text });
const CARRIED = ["draft", "photos"]; // what the node's page says of the photos that it keeps
let isBusy = false;

function tell(text, share) {
  said.hidden = false;
  said.replaceChildren(text);
  if (share === undefined) return;
  const bar = Object.assign(document.createElement("progress"), { max: 1, value: share });
  bar.setAttribute("aria-label", text);
  said.append(` ${Math.round(share * 100)} %`, bar);
}

function fail(text) {
  isBusy = false;
  tell(text);
  said.scrollIntoView({ block: "nearest" });
}

/** The photo is kept: the form follows without it, by the button that was pressed. */
function follow(page, button) {
  for (const name of CARRIED) {
    const value = page.querySelector(`input[name=${name}]`)?.value ?? "";
    let own = form.querySelector(`input[name=${name}]`);
    if (own === null) form.append((own = Object.assign(document.createElement("input"), { type: "hidden", name })));
    own.value = value;
  }
  field.value = "";
  isBusy = false;
  form.requestSubmit(button);
}

function send(fields, button) {
  const call = new XMLHttpRequest();
  call.open("POST", form.action);
  call.setRequestHeader("Accept", "text/html");
  call.upload.addEventListener("progress", (at) => at.lengthComputable && tell(form.dataset.sending, at.loaded / at.total));
  call.addEventListener("load", () => {
    const page = new DOMParser().parseFromString(inert ? inert.createHTML(call.responseText) : call.responseText, "text/html");
    const wrong = page.querySelector("#photo-error")?.textContent;
    if (page.querySelector("form[data-sending]") !== null && !wrong) return follow(page, button);
    fail(wrong || page.querySelector("main h1")?.textContent || form.dataset.lost);
    field.focus();
  });
  for (const end of ["error", "timeout", "abort"]) call.addEventListener(end, () => fail(form.dataset.lost));
  call.send(fields);
}

form?.addEventListener("submit", (event) => {
  if (isBusy) return event.preventDefault();
  if (!field?.files[0]) return;
  event.preventDefault();
  isBusy = true;
  const fields = new FormData(form);
  fields.set("go", "photo");
  tell(form.dataset.sending, 0);
  send(fields, event.submitter);
});
