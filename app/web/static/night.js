// The dispatcher's night: the map, one selection linked over map, lists and address, and the wait for a night under way.
import { drawMap } from "./night_map.js";

const POLL_MS = 3000;
const selection = new URLSearchParams(location.search);

function asNumber(name) {
  return Number(selection.get(name)) || 0;
}

function remember(name, value) {
  if (value) selection.set(name, value);
  else selection.delete(name);
  history.replaceState(null, "", `?${selection}`);
}

function markContainer(container) {
  for (const row of document.querySelectorAll("tr[data-container]")) {
    if (Number(row.dataset.container) === container) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function openRoute(route) {
  for (const details of document.querySelectorAll(".route")) details.open = Number(details.dataset.route) === route;
}

function reveal(selector) {
  document.querySelector(selector)?.scrollIntoView({ block: "nearest" });
}

function selectRoute(map, route) {
  remember("route", route);
  map?.showRoute(route);
}

function selectContainer(map, container) {
  remember("container", container);
  markContainer(container);
  map?.showContainer(container);
}

function listen(map) {
  for (const details of document.querySelectorAll(".route")) {
    details.addEventListener("toggle", () => {
      const route = Number(details.dataset.route);
      if (details.open) {
        openRoute(route);
        selectRoute(map, route);
      } else if (asNumber("route") === route) selectRoute(map, 0);
    });
  }
  for (const row of document.querySelectorAll("tr[data-container]")) {
    row.addEventListener("click", (event) => {
      if (!event.target.closest("a")) selectContainer(map, Number(row.dataset.container));
    });
  }
}

const fromMap = {
  route(route) {
    openRoute(route);
    reveal(`#route-${route}`);
  },
  container(container, route) {
    if (route) openRoute(route);
    selectContainer(null, container);
    reveal(`.route[open] tr[data-container="${container}"]`);
  },
};

async function waitForNight(note) {
  const step = document.querySelector("#progress-step");
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const answer = await fetch(note.dataset.source, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) continue; // the server restarts, or the network is away: ask again
    const job = await answer.json();
    if (job.status !== "queued" && job.status !== "running") {
      location.reload();
      return;
    }
    if (job.progress) step.textContent = job.progress;
  }
}

function withoutMap(why) {
  document.querySelector(".map-side").classList.add("no-map");
  const note = document.querySelector("#map-note");
  note.textContent = `There is no map: ${why} The lists show everything.`;
  note.hidden = false;
  document.documentElement.dataset.ready = "no-map";
}

const busy = document.querySelector("#progress");
if (busy) waitForNight(busy);
const map = await drawMap(document.querySelector("#map"), fromMap).catch((error) => {
  withoutMap(error.message);
  return null;
});
listen(map);
if (asNumber("route")) map?.showRoute(asNumber("route"));
if (asNumber("container")) map?.showContainer(asNumber("container"));
