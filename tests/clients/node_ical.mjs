// Prints what node-ical sees in the calendar at each address.
import ical from "node-ical";

function moment(time) {
  if (!time.dateOnly) return time.toISOString();
  const parts = [time.getFullYear(), time.getMonth() + 1, time.getDate()];
  return parts.map((part) => String(part).padStart(2, "0")).join("-");
}

async function read(address) {
  const found = Object.values(await ical.async.fromURL(address));
  return found.filter((part) => part.type === "VEVENT").map((event) => ({
    uid: event.uid,
    title: event.summary,
    starts: moment(event.start),
    ends: moment(event.end),
    status: event.status,
    sequence: Number(event.sequence),
    description: event.description,
  }));
}

const seen = [];
for (const address of process.argv.slice(2)) seen.push(await read(address));
console.log(JSON.stringify(seen));
