// Keys read against depth: a bar for each layer, and a line for the mean of its heads.

const space = "http://www.w3.org/2000/svg";
const left = 44, right = 394, top = 8, bottom = 106;

export function draw(svg, own, mean, layer) {
  const most = Math.max(1, ...own, ...mean), step = (right - left) / own.length;
  const y = keys => bottom - (bottom - top) * keys / most;
  svg.replaceChildren();
  for (const keys of [0, most / 2, most]) {
    add(svg, "line", { x1: left, x2: right, y1: y(keys), y2: y(keys) });
    add(svg, "text", { x: left - 5, y: y(keys) + 4, "text-anchor": "end" }).textContent = Math.round(keys).toLocaleString("en");
  }
  own.forEach((keys, i) => {
    const bar = add(svg, "rect", { x: left + step * (i + .15), width: step * .7, y: y(keys), height: bottom - y(keys) });
    if (i === layer) bar.classList.add("chosen");
    add(bar, "title", {}).textContent = `Layer ${i}: ${keys} keys, mean ${Math.round(mean[i])}`;
  });
  add(svg, "path", { d: mean.map((keys, i) => `${i ? "L" : "M"}${left + step * (i + .5)} ${y(keys)}`).join("") });
  const every = Math.ceil(own.length / 8);
  for (let i = 0; i < own.length; i += every) add(svg, "text", { x: left + step * (i + .5), y: bottom + 15, "text-anchor": "middle" }).textContent = i;
  svg.setAttribute("aria-label", `Keys read in layer ${layer}: ${own[layer]} by this head, ${Math.round(mean[layer])} by a head on average; at most ${Math.round(most)} in any layer.`);
}

function add(parent, name, attributes) {
  const element = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}
