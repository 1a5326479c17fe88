/* Shows how far a photo is, and keeps the page when the line is down. Without it the form works the same. */
const form = document.querySelector("form[data-sending]");
const said = form?.querySelector(".sending");
let asked = null;
let isBusy = false;

function tell(text, share) {
  said.hidden = false;
  said.replaceChildren(text);
  if (share === undefined) return;
  const bar = Object.assign(document.createElement("progress"), { max: 1, value: share });
  bar.setAttribute("aria-label", text);
  said.append(` ${Math.round(share * 100)} %`, bar);
}

function send(fields) {
  const call = new XMLHttpRequest();
  call.open("POST", form.action);
  call.setRequestHeader("Accept", "text/html");
  call.upload.addEventListener("progress", (at) => at.lengthComputable && tell(form.dataset.sending, at.loaded / at.total));
  call.addEventListener("load", () => {
    // The answer is the next page, as if the browser had sent the form itself.
    document.open();
    document.write(call.responseText);
    document.close();
    scrollTo(0, 0); // the window is still the old one, and the button was at its end
  });
  for (const end of ["error", "timeout", "abort"]) {
    call.addEventListener(end, () => { isBusy = false; tell(form.dataset.lost); said.scrollIntoView(); });
  }
  call.send(fields);
}

form?.addEventListener("submit", (event) => {
  asked = event.submitter;
  const file = form.querySelector("input[type=file]")?.files[0];
  if (isBusy) return event.preventDefault();
  if (!file) return;
  event.preventDefault();
  isBusy = true;
  const fields = new FormData(form);
  if (asked?.name) fields.append(asked.name, asked.value);
  tell(form.dataset.sending, 0);
  send(fields);
});
