// Prints what ical.js sees in the calendar at an address, with the zones that the calendar itself explains.
import ICAL from "ical.js";

const answer = await fetch(process.argv[2]);
if (!answer.ok) throw new Error(`${answer.status} ${answer.url}`);
const calendar = new ICAL.Component(ICAL.parse(await answer.text()));
for (const zone of calendar.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(zone);

function moment(time) {
  if (time.isDate) return time.toString();
  if (time.zone === ICAL.Timezone.localTimezone) throw new Error(`${time} is in no zone`);
  return time.toJSDate().toISOString();
}

const seen = calendar.getAllSubcomponents("vevent").map((component) => {
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
console.log(JSON.stringify(seen));
