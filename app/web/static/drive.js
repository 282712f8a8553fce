// A driver's reports: each gets its own number in the cab, waits in the phone until the server has it, and is sent until it does.
const QUEUE = "kerbside.reports";
const RETRY_MS = 10_000;
const main = document.querySelector("main");
const route = Number(main.dataset.route);
const token = document.querySelector('meta[name="csrf-token"]').content;
const SETTLES = { started: "done", collected: "done", unloaded: "done", break_taken: "done", finished: "done", skipped: "skipped" };
let sending = false;

function waiting() {
  return JSON.parse(localStorage.getItem(QUEUE) ?? "[]");
}

function keep(reports) {
  localStorage.setItem(QUEUE, JSON.stringify(reports));
  const line = document.querySelector("#pending");
  line.hidden = reports.length === 0;
  line.textContent = `Pending ${reports.length}: kept on this phone until there is a connection.`;
}

function newNumber() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // on plain http there is no randomUUID
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function reportOf(form) {
  const report = { client_uid: newNumber(), route_id: route, kind: form.dataset.action, occurred_at: new Date().toISOString() };
  if (form.dataset.container) report.container_id = Number(form.dataset.container);
  if (form.dataset.facility) report.facility_id = Number(form.dataset.facility);
  for (const [name, value] of new FormData(form)) {
    if (value === "") continue;
    if (name === "weight_kg") report.weight_kg = Number(value);
    else if (name === "odometer_km") report.odometer_m = Math.round(Number(value) * 1000);
    else report[name] = value;
  }
  return report;
}

function visitOf(report) {
  const kinds = { started: "depart", unloaded: "unload", break_taken: "break", finished: "return" };
  const kind = kinds[report.kind] ?? "pickup";
  const place = report.container_id ?? report.facility_id ?? kind;
  const own = [...document.querySelectorAll(`.visit[data-kind="${kind}"][data-place="${place}"]`)];
  return own.find((visit) => visit.dataset.state === "open") ?? own[0];
}

function count() {
  const pickups = [...document.querySelectorAll('.visit[data-kind="pickup"]')];
  for (const state of ["done", "skipped", "open"]) {
    document.querySelector(`#${state}`).textContent = pickups.filter((visit) => visit.dataset.state === state).length;
  }
}

function settle(report) {
  const visit = visitOf(report);
  if (!visit || visit.dataset.state === "done") return;
  visit.dataset.state = SETTLES[report.kind];
  visit.querySelector(".state").textContent = visit.dataset.state;
  count();
}

function reopen(report) {
  const visit = visitOf(report);
  if (visit) visit.dataset.state = "open";
  count();
}

function openNext(from) {
  const following = document.querySelector('.visit[data-state="open"]');
  for (const visit of document.querySelectorAll(".visit > details")) visit.open = visit.parentElement === following;
  if (from) following?.scrollIntoView({ block: "center" });
}

function say(words) {
  const line = document.querySelector("#trouble");
  line.hidden = !words;
  line.textContent = words;
}

function refusals(items) {
  return items.filter((item) => item.status === "rejected" || item.status === "conflict")
    .flatMap((item) => item.errors.map((error) => `${error.field} ${error.problem}. ${error.mend ?? ""}`));
}

async function send(reports) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": token, Accept: "application/json" };
  const answer = await fetch("/api/v1/driver/actions", { method: "POST", headers, body: JSON.stringify({ actions: reports }) });
  if (answer.status === 401 || answer.status === 403) {
    say("You are signed out, so reports wait on this phone. Open your link again, or sign in.");
    return [];
  }
  const told = await answer.json();
  if (!told.items) return []; // the server could not take anything now
  say(refusals(told.items).join(" "));
  told.items.forEach((item, index) => { if (item.status === "rejected") reopen(reports[index]); });
  return told.items.map((item, index) => item.client_uid ?? reports[index].client_uid);
}

async function flush() {
  const reports = waiting().slice(0, 200);
  if (sending || reports.length === 0) return;
  sending = true;
  try {
    const settled = new Set(await send(reports));
    keep(waiting().filter((report) => !settled.has(report.client_uid)));
  } catch {
    keep(waiting()); // no connection: whatever the phone says of itself, only an answer counts
  } finally {
    sending = false;
  }
}

main.addEventListener("submit", (event) => {
  if (!event.target.matches(".report")) return;
  event.preventDefault();
  const report = reportOf(event.target);
  keep([...waiting(), report]);
  settle(report);
  openNext(true);
  flush();
});
addEventListener("online", flush);
document.addEventListener("visibilitychange", () => { if (!document.hidden) flush(); });
setInterval(flush, RETRY_MS);

for (const report of waiting()) if (report.route_id === route) settle(report);
keep(waiting());
openNext(false);
flush();
document.documentElement.dataset.ready = "drive";
