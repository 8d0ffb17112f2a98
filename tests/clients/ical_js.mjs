// Prints what ical.js sees in the calendar at each address, with the zones that the calendar itself explains.
import ICAL from "ical.js";

function moment(time) {
  if (time.isDate) return time.toString();
  if (time.zone === ICAL.Timezone.localTimezone) throw new Error(`${time} is in no zone`);
  return time.toJSDate().toISOString();
}

async function read(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status} ${address}`);
  const calendar = new ICAL.Component(ICAL.parse(await answer.text()));
  ICAL.TimezoneService.reset();
  for (const zone of calendar.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(zone);
  return calendar.getAllSubcomponents("vevent").map((component) => {
    const event = new ICAL.Event(component);
    return {
      uid: event.uid,
      title: event.summary,
      starts: moment(event.startDate),
      ends: moment(event.endDate),
      status: component.getFirstPropertyValue("status"),
      sequence: event.sequence,
      description: event.description,
    };
  });
}

const seen = [];
for (const address of process.argv.slice(2)) seen.push(await read(address));
console.log(JSON.stringify(seen));
