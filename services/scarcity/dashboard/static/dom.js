// A small renderer: views return descriptions, and only what differs is changed on the page, so
// that focus, scroll and selection stay. Text is always text: nothing here parses HTML.

const SVG = 'http://www.w3.org/2000/svg';
const PROPERTIES = new Set(['checked', 'disabled', 'selected', 'hidden', 'open', 'indeterminate']);

export function h(tag, attributes, ...children) {
  const flat = children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false && c !== true);
  return { tag, attributes: attributes || {}, children: flat };
}

const isText = (node) => typeof node !== 'object';
const keyOf = (node) => (isText(node) ? undefined : node.attributes.key);

// Make the children of `parent` what `nodes` say. `inSvg`: elements are made in SVG's namespace.
export function render(parent, nodes, inSvg = parent.namespaceURI === SVG) {
  const wanted = (Array.isArray(nodes) ? nodes : [nodes]).flat(Infinity)
    .filter((n) => n !== null && n !== undefined && n !== false && n !== true);
  const keyed = new Map();
  for (const child of parent.childNodes) if (child.vkey !== undefined) keyed.set(child.vkey, child);
  let at = parent.firstChild;
  for (const node of wanted) {
    const key = keyOf(node);
    let found = at;
    if (key !== undefined) {
      found = keyed.get(key);
      keyed.delete(key);
      if (found && found !== at) parent.insertBefore(found, at);
    } else if (at && at.vkey !== undefined) {
      found = null;
    }
    if (found && matches(found, node)) {
      if (found === at) at = at.nextSibling;
      update(found, node);
    } else {
      const made = create(node, inSvg);
      if (found && found === at && found.vkey === key) {
        at = at.nextSibling;
        parent.replaceChild(made, found);
      } else {
        parent.insertBefore(made, at);
      }
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function matches(element, node) {
  if (isText(node)) return element.nodeType === 3;
  return element.nodeType === 1 && element.localName === node.tag && element.vkey === node.attributes.key;
}

function create(node, inSvg) {
  if (isText(node)) return document.createTextNode(String(node));
  const svg = node.tag === 'svg' || inSvg;
  const element = svg ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  element.vkey = node.attributes.key;
  element.vattributes = {};
  element.vlisteners = {};
  update(element, node);
  return element;
}

function update(element, node) {
  if (isText(node)) {
    const text = String(node);
    if (element.data !== text) element.data = text;
    return;
  }
  const before = element.vattributes || {};
  const after = node.attributes;
  for (const name of Object.keys(before)) if (!(name in after)) set(element, name, undefined);
  // A select's value holds only once its options are there.
  const late = node.tag === 'select' ? after.value : undefined;
  for (const [name, value] of Object.entries(after)) {
    if (before[name] !== value || name === 'value') set(element, name, value);
  }
  element.vattributes = after;
  render(element, node.children, element.namespaceURI === SVG);
  if (late !== undefined && element.value !== late) element.value = late;
}

function set(element, name, value) {
  if (name === 'key') return;
  if (name.startsWith('on')) {
    const kind = name.slice(2);
    if (!element.vlisteners[kind]) {
      element.addEventListener(kind, (event) => element.vlisteners[kind]?.(event));
    }
    element.vlisteners[kind] = value;
  } else if (name === 'style') {
    element.style.cssText = '';
    for (const [property, one] of Object.entries(value || {})) element.style.setProperty(property, one);
  } else if (name === 'value' && element.localName !== 'option') {
    // What a person types is not overwritten while they type.
    if (element !== document.activeElement && element.value !== value) element.value = value ?? '';
  } else if (PROPERTIES.has(name)) {
    element[name] = Boolean(value);
  } else if (value === undefined || value === null || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? '' : String(value));
  }
}
