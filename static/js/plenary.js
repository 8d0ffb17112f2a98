// Enhances pages that work without it: the visitor's own time, one submit a form, focus on errors, copying, questions that depend on others.
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

/** Shows a button that copies a field, and tells those who do not see it that this was done. */
function offerCopy(button) {
  if (!navigator.clipboard) return;
  const words = button.textContent;
  const told = document.createElement("span");
  told.className = "unseen";
  told.setAttribute("role", "status");
  button.after(told);
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    button.textContent = told.textContent = button.dataset.done;
    setTimeout(() => {
      button.textContent = words;
      told.textContent = "";
    }, 3000);
  });
}

/** What is chosen in the fields of a name, as long as their question is itself shown. */
function chosen(form, name) {
  return [...form.elements].filter((input) => input.name === name && !input.closest("[data-shown-if][hidden]"))
    .filter((input) => !["radio", "checkbox"].includes(input.type) || input.checked)
    .map((input) => input.value);
}

/** Shows the questions whose condition is met; the server ignores the answers to others. */
function askWhatIsAsked(form) {
  const questions = [...form.querySelectorAll("[data-shown-if]")];
  const ask = () => {
    for (let turn = 0; turn < questions.length; turn += 1) {
      for (const question of questions) {
        const { shownIf, shownIfAnswer } = question.dataset;
        question.hidden = !chosen(form, shownIf).concat(chosen(form, `${shownIf}_second`)).includes(shownIfAnswer);
      }
    }
  };
  ask();
  form.addEventListener("change", ask);
  addEventListener("pageshow", ask);
}

if (here) document.querySelectorAll(".your-time").forEach(writeYourTime);
document.querySelectorAll("form[data-once]").forEach(guard);
document.querySelectorAll("button[data-copy]").forEach(offerCopy);
document.querySelectorAll("form:has([data-shown-if])").forEach(askWhatIsAsked);
document.querySelector(".problems")?.focus();
