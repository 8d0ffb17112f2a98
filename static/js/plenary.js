// Enhances pages that work without it: the visitor's own time, one submit a form, focus on errors, copying.
"use strict";

const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Writes the visitor's own hours, with the date where the day differs from the event's. */
function writeYourTime(place) {
  const start = new Date(place.dataset.start), end = new Date(place.dataset.end);
  const dayIn = (zone, moment) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(moment);
  const days = [start, end].flatMap((moment) => [dayIn(here, moment), dayIn(place.dataset.zone, moment)]);
  const form = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: here };
  if (new Set(days).size > 1) Object.assign(form, { weekday: "short", day: "numeric", month: "long" });
  const time = new Intl.DateTimeFormat(language, form);
  const city = here.split("/").pop().replaceAll("_", " ");
  const words = document.body.dataset.yourTime;
  place.textContent = words.replace("{time}", time.formatRange(start, end)).replace("{city}", city);
}

/** Lets a form go once: a second press within a few seconds is ignored. */
function guard(form) {
  const button = form.querySelector("button:not([type=button])");
  const words = button.textContent;
  let sent = false;
  const release = () => { sent = false; button.textContent = words; };
  form.addEventListener("submit", (event) => {
    if (sent) return event.preventDefault();
    sent = true;
    button.textContent = form.dataset.once;
    setTimeout(release, 8000);
  });
  addEventListener("pageshow", release);
}

/** Shows a button that copies a field. */
function offerCopy(button) {
  if (!navigator.clipboard) return;
  const words = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = words; }, 3000);
  });
}

if (here) document.querySelectorAll(".your-time").forEach(writeYourTime);
document.querySelectorAll("form[data-once]").forEach(guard);
document.querySelectorAll("button[data-copy]").forEach(offerCopy);
document.querySelector(".problems")?.focus();
