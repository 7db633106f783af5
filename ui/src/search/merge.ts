import type { SearchHit } from '../generated/view';

/** What one source has told so far. */
export interface Found {
  hits: SearchHit[];
  /** More is to be had from here. */
  next: string | null;
}

/** The hits of both sources newest first, each once. The relay's word counts where both have a message: it knows of edits. */
export function mergeHits(device: Found, relay: Found): SearchHit[] {
  const byId = new Map<string, SearchHit>();
  for (const hit of [...device.hits, ...relay.hits]) byId.set(keyOf(hit), hit);
  return [...byId.values()].sort(
    (a, b) =>
      b.message.sent_at_ms - a.message.sent_at_ms ||
      (b.message.seq ?? 0) - (a.message.seq ?? 0) ||
      keyOf(a).localeCompare(keyOf(b)),
  );
}

export function keyOf(hit: SearchHit): string {
  return hit.message.id ?? hit.message.client_id;
}

/** Which sources have to be asked before what is older than the newest of their ends can be shown whole. */
export function horizon(device: Found, relay: Found): { at_ms: number; device: boolean; relay: boolean } | null {
  const end = (found: Found) =>
    found.next === null ? null : (found.hits.at(-1)?.message.sent_at_ms ?? Number.POSITIVE_INFINITY);
  const [ofDevice, ofRelay] = [end(device), end(relay)];
  if (ofDevice === null && ofRelay === null) return null;
  const at_ms = Math.max(ofDevice ?? Number.NEGATIVE_INFINITY, ofRelay ?? Number.NEGATIVE_INFINITY);
  return { at_ms, device: ofDevice === at_ms, relay: ofRelay === at_ms };
}
