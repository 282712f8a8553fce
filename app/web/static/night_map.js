// The map of a night: bins coloured and shaped by fill, routes along the streets, depots and facilities.
import * as maplibregl from "./vendor/maplibre-gl.mjs";

const ICON_PX = 36; // drawn at twice its size, for sharp screens
const SHAPES = {
  low: (pen) => pen.arc(18, 18, 11, 0, 2 * Math.PI),
  half: (pen) => polygon(pen, [[18, 4], [32, 18], [18, 32], [4, 18]]),
  high: (pen) => polygon(pen, [[18, 4], [33, 31], [3, 31]]),
  over: (pen) => pen.rect(6, 6, 24, 24),
  unknown: (pen) => pen.arc(18, 18, 9, 0, 2 * Math.PI),
  depot: (pen) => polygon(pen, [[18, 3], [33, 15], [33, 32], [3, 32], [3, 15]]),
  facility: (pen) => polygon(pen, [[3, 32], [3, 14], [12, 20], [12, 14], [21, 20], [21, 4], [33, 4], [33, 32]]),
};
const dark = matchMedia("(prefers-color-scheme: dark)");

function polygon(pen, points) {
  points.forEach(([x, y], index) => (index ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function icon(name) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = ICON_PX;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.beginPath();
  SHAPES[name](pen);
  pen.lineJoin = "round";
  if (name === "unknown") {
    pen.lineWidth = 6;
    pen.strokeStyle = colour("unknown");
    pen.stroke();
  } else {
    pen.lineWidth = 4;
    pen.strokeStyle = dark.matches ? "#000000" : "#ffffff";
    pen.stroke();
    pen.fillStyle = colour(name in { depot: 1, facility: 1 } ? "text" : name);
    pen.fill();
  }
  return pen.getImageData(0, 0, ICON_PX, ICON_PX);
}

function style(name) {
  if (name) return `/tiles/${encodeURIComponent(name)}/style.json?theme=${dark.matches ? "dark" : "light"}`;
  const background = { id: "background", type: "background", paint: { "background-color": colour("sunk") } };
  return { version: 8, sources: {}, layers: [background] };
}

function truckColours() {
  const pairs = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((index) => [index, colour(`truck-${index}`)]);
  return ["match", ["get", "colour"], ...pairs, colour("soft")];
}

const SMALLER_FAR_OFF = ["interpolate", ["linear"], ["zoom"], 10, 0.45, 13, 0.75, 16, 1.1];

function addOwnLayers(map, data) {
  for (const name of Object.keys(SHAPES)) map.addImage(name, icon(name), { pixelRatio: 2 });
  map.addSource("routes", { type: "geojson", data: data.routes });
  map.addSource("places", { type: "geojson", data: data.places });
  map.addSource("bins", { type: "geojson", data: data.bins });
  const rounded = { "line-cap": "round", "line-join": "round" };
  map.addLayer({ id: "route-casings", type: "line", source: "routes", layout: rounded,
    paint: { "line-color": dark.matches ? "#000000" : "#ffffff", "line-width": 7, "line-opacity": 0.6 } });
  map.addLayer({ id: "routes", type: "line", source: "routes", layout: rounded,
    paint: { "line-color": truckColours(), "line-width": 3.5, "line-opacity": 0.9 } });
  map.addLayer({ id: "chosen-route", type: "line", source: "routes", layout: rounded, filter: ["==", ["get", "route"], 0],
    paint: { "line-color": truckColours(), "line-width": 6.5 } });
  map.addLayer({ id: "chosen-bin", type: "circle", source: "bins", filter: ["==", ["get", "container"], 0],
    paint: { "circle-radius": 15, "circle-color": colour("accent"), "circle-opacity": 0.35, "circle-stroke-width": 3, "circle-stroke-color": colour("accent") } });
  map.addLayer({ id: "bins", type: "symbol", source: "bins",
    layout: { "icon-image": ["get", "band"], "icon-size": SMALLER_FAR_OFF, "icon-allow-overlap": true,
      "symbol-sort-key": ["match", ["get", "band"], "over", 4, "high", 3, "half", 2, 1] } });
  map.addLayer({ id: "places", type: "symbol", source: "places",
    layout: { "icon-image": ["get", "kind"], "icon-size": 1, "icon-allow-overlap": true, "text-field": ["get", "name"],
      "text-size": 12, "text-font": ["sans-serif"], "text-anchor": "top", "text-offset": [0, 0.9], "text-optional": true },
    paint: { "text-color": colour("text"), "text-halo-color": colour("panel"), "text-halo-width": 1.5 } });
}

function dimOthers(map, route) {
  const faint = (chosen, other) => (route ? ["case", ["==", ["get", "route"], route], chosen, other] : chosen);
  map.setPaintProperty("routes", "line-opacity", faint(1, 0.25));
  map.setPaintProperty("bins", "icon-opacity", faint(1, 0.4));
}

/** Draw the night into `element`; rejects with the reason where the browser cannot. `tell.route` and `tell.container` hear of clicks. */
export async function drawMap(element, tell) {
  const answer = await fetch(element.dataset.source, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error("its data could not be loaded.");
  const data = await answer.json();
  if (!data.bounds) throw new Error("no container stands anywhere yet.");
  const map = open(element, data);
  let chosen = { route: 0, container: 0 };
  const apply = () => {
    if (!map.getLayer("bins")) return; // its style is still on the way; `style.load` comes back here
    map.setFilter("chosen-route", ["==", ["get", "route"], chosen.route]);
    map.setFilter("chosen-bin", ["==", ["get", "container"], chosen.container]);
    dimOthers(map, chosen.route);
    element.dataset.route = chosen.route;
  };
  map.on("style.load", () => {
    addOwnLayers(map, data);
    apply();
  });
  dark.addEventListener("change", () => map.setStyle(style(data.map), { diff: false })); // a patched style would keep the old icons
  map.once("idle", () => { document.documentElement.dataset.ready = "map"; });
  hearClicks(map, tell);
  return {
    showRoute(route) {
      chosen = { ...chosen, route };
      apply();
      const line = data.routes.features.find((feature) => feature.properties.route === route);
      if (line) map.fitBounds(boundsOf(line.geometry.coordinates), { padding: 50, maxZoom: 16 });
    },
    showContainer(container) {
      chosen = { ...chosen, container };
      apply();
      const bin = data.bins.features.find((feature) => feature.properties.container === container);
      if (bin && !map.getBounds().contains(bin.geometry.coordinates)) map.easeTo({ center: bin.geometry.coordinates });
    },
  };
}

function open(element, data) {
  try {
    return new maplibregl.Map({
      container: element,
      style: style(data.map),
      bounds: data.bounds,
      fitBoundsOptions: { padding: 45, maxZoom: 16 },
      attributionControl: { compact: false },
    });
  } catch {
    element.replaceChildren();
    throw new Error("this browser has no WebGL 2.");
  }
}

function boundsOf(coordinates) {
  return coordinates.reduce((bounds, point) => bounds.extend(point), new maplibregl.LngLatBounds());
}

function hearClicks(map, tell) {
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
  const label = new maplibregl.Popup({ closeButton: false, closeOnClick: false, offset: 12 });
  map.on("click", (event) => {
    const layers = ["bins", "routes"].filter((layer) => map.getLayer(layer));
    const [hit] = map.queryRenderedFeatures(event.point, { layers });
    if (hit?.layer.id === "bins") tell.container(hit.properties.container, hit.properties.route);
    else if (hit) tell.route(hit.properties.route);
  });
  map.on("mousemove", "bins", (event) => {
    map.getCanvas().style.cursor = "pointer";
    label.setLngLat(event.features[0].geometry.coordinates).setText(event.features[0].properties.label).addTo(map);
  });
  map.on("mouseleave", "bins", () => {
    map.getCanvas().style.cursor = "";
    label.remove();
  });
}
