// Makes the desk's forms easier; each of them works without.

/** Turns a list of many into what is chosen, in order, and one short list to add from. */
function makePicker(select) {
  const words = document.getElementById("desk-words").dataset;
  const label = document.querySelector(`label[for="${select.id}"]`);
  const name = label.firstChild.textContent.trim();
  const picker = document.createElement("div");
  picker.className = "desk-picker";
  picker.innerHTML = '<ol></ol><div class="desk-picker__add"><select></select><button type="button" class="button button-secondary"></button></div>';
  const [list, choice, add] = ["ol", "select", "button"].map((part) => picker.querySelector(part));
  list.setAttribute("aria-label", words.chosen.replace("{name}", name));
  add.textContent = words.add;
  choice.id = `${select.id}-more`;
  choice.setAttribute("aria-describedby", select.getAttribute("aria-describedby") || "");
  label.setAttribute("for", choice.id);

  function draw() {
    list.replaceChildren();
    choice.replaceChildren(new Option(words.choose, ""));
    for (const option of select.options) {
      if (!option.selected) {
        choice.add(new Option(option.text, option.value));
        continue;
      }
      const item = document.createElement("li");
      const remove = document.createElement("button");
      remove.type = "button";
      remove.textContent = "×";
      remove.setAttribute("aria-label", words.remove.replace("{name}", option.text));
      remove.addEventListener("click", () => {
        option.selected = false;
        changed();
        choice.focus();
      });
      item.append(option.text, remove);
      list.append(item);
    }
    list.hidden = !list.children.length;
  }
  function changed() {
    draw();
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }
  add.addEventListener("click", () => {
    const option = [...select.options].find((one) => one.value === choice.value);
    if (!choice.value || !option) return choice.focus();
    const last = [...select.selectedOptions].pop();
    if (last) last.after(option); else select.prepend(option);
    option.selected = true;
    changed();
    choice.focus();
  });
  select.hidden = true;
  select.after(picker);
  draw();
}

/** Goes by the clock of the venue once one is chosen. */
function followVenue(form) {
  const venue = form.elements.venue, zone = form.elements.timezone;
  venue?.addEventListener("change", () => {
    const name = venue.selectedOptions[0]?.dataset.timezone;
    if (name && [...zone.options].some((option) => option.value === name)) zone.value = name;
  });
}

/** Asks for places only in the ways of attending that the event has. */
function followFormat(form) {
  const format = form.elements.format;
  const show = () => {
    for (const [name, not] of [["capacity_in_person", "online"], ["capacity_online", "in-person"], ["venue", "online"]]) {
      form.querySelector(`.desk-field--${name}`).hidden = format.value === not;
    }
  };
  format?.addEventListener("change", show);
  show();
}

/** Ends on the day it starts, until somebody says otherwise. */
function followStart(form) {
  const { starts_at: start, ends_at: end } = form.elements;
  start?.addEventListener("change", () => {
    if (start.value && !end.value) end.value = `${start.value.slice(0, 11)}17:00`;
  });
}

/** Shows only the people whose line has all the words typed. */
function makeFilter(input) {
  const lines = [...document.querySelectorAll(`${input.dataset.filter} > li`)];
  input.addEventListener("input", () => {
    const words = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    for (const line of lines) {
      const text = line.textContent.toLocaleLowerCase();
      line.hidden = !words.every((word) => text.includes(word));
    }
  });
}

/** Counts along while people are ticked. */
function countTicks(form) {
  const shown = document.querySelector("[data-present]");
  let number = Number(shown.textContent);
  form.addEventListener("change", (event) => {
    if (event.target.name === "present") shown.textContent = number += event.target.checked ? 1 : -1;
  });
}

/** Shows how a message looks while its words are written, and puts a value where the cursor is. */
function showWords(form) {
  const shown = document.querySelector("[data-preview]");
  let timer, last = 0;
  async function refresh() {
    const mine = ++last;
    const said = new FormData(form);
    said.set("do", "preview");
    const answer = await fetch(location.href, { method: "POST", body: said }).catch(() => null);
    if (!answer?.ok || mine !== last) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-preview]");
    if (fresh && mine === last) shown.replaceChildren(...fresh.childNodes);
  }
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 700);
  };
  form.addEventListener("input", soon);
  let field = form.elements.text;
  for (const one of [form.elements.subject, form.elements.text]) one.addEventListener("focus", () => { field = one; });
  for (const name of form.querySelectorAll("[data-value]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "desk-value";
    button.textContent = name.textContent;
    button.addEventListener("click", () => {
      field.setRangeText(name.textContent, field.selectionStart, field.selectionEnd, "end");
      field.focus();
      soon();
    });
    name.replaceWith(button);
  }
}

document.querySelectorAll("select[data-picker]").forEach(makePicker);
document.querySelectorAll("[data-event-form]").forEach((form) => [followVenue, followFormat, followStart].forEach((follow) => follow(form)));
document.querySelectorAll("[data-filter]").forEach(makeFilter);
document.querySelectorAll("[data-attendance]").forEach(countTicks);
document.querySelectorAll("[data-words]").forEach(showWords);
document.querySelector("[data-problems]")?.focus();
