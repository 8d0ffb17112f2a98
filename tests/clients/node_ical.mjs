// Prints what node-ical sees in the calendar at an address.
import ical from "node-ical";

function moment(time) {
  if (!time.dateOnly) return time.toISOString();
  const parts = [time.getFullYear(), time.getMonth() + 1, time.getDate()];
  return parts.map((part) => String(part).padStart(2, "0")).join("-");
}

const found = Object.values(await ical.async.fromURL(process.argv[2]));
const seen = found.filter((part) => part.type === "VEVENT").map((event) => ({
  uid: event.uid,
  title: event.summary,
  starts: moment(event.start),
  ends: moment(event.end),
  status: event.status,
  sequence: Number(event.sequence),
  description: event.description,
}));
console.log(JSON.stringify(seen));
