// What a person can set off: go elsewhere, ask the audit.

let redraw = () => {};
export const onSay = (draw) => { redraw = draw; };
// The newest refusal of a question; shown where it was asked.
export const refusal = { text: '' };

export function go(hash) { location.hash = hash; }

// The answer comes with the page's document.
export async function ask(question) {
  refusal.text = '';
  try {
    const reply = await fetch('/api/jobs', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Scarcity-Dashboard': '1' },
      body: JSON.stringify(question),
    });
    if (!reply.ok) refusal.text = (await reply.json()).error;
  } catch {
    refusal.text = 'the dashboard’s server does not answer';
  }
  redraw();
}
