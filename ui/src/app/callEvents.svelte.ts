import { untrack } from 'svelte';
import { causeSentence } from '../call/figures';
import type { CallView, ParticipantStats, QualityCause } from '../generated/view';
import { t } from '../i18n/i18n.svelte';
import { announcer } from '../state/announcer.svelte';
import { app } from '../state/app.svelte';
import { ui } from '../state/ui.svelte';

/** Tells screen readers what a look at the call tells the eye: phases, and who came and went. */
export function followCall(): void {
  let before: CallView | null = null;
  $effect(() => {
    const call = app.call;
    untrack(() => {
      if (call === null || call.phase.type === 'ended') ui.callFills = false;
      if (call !== null && call.phase.type !== before?.phase.type) sayPhase(call);
      if (call !== null && before?.call_id === call.call_id) sayPeople(before, call);
      before = call;
    });
  });
  const told = new Map<string, QualityCause>();
  $effect(() => {
    const people = app.stats.participants;
    untrack(() => sayCauses(people, told));
  });
}

/** Says once what makes a call bad, until it is good again. */
function sayCauses(people: readonly ParticipantStats[], told: Map<string, QualityCause>): void {
  for (const { id, display_name, quality, cause } of people) {
    if (quality === 'good') told.delete(id);
    if (quality !== 'poor' || cause === null || cause === 'reconnecting' || told.get(id) === cause) continue;
    told.set(id, cause);
    announcer.say(causeSentence(cause, display_name));
  }
}

function sayPhase(call: CallView): void {
  const name = call.title;
  switch (call.phase.type) {
    case 'incoming':
      return announcer.interrupt(t('call.incoming_from', { name }));
    case 'outgoing':
      return announcer.say(t('call.outgoing', { name }));
    case 'connecting':
      return announcer.say(t('call.connecting'));
    case 'active':
      return announcer.say(t('call.active', { name }));
    case 'reconnecting':
      return announcer.interrupt(t('call.reconnecting'));
    case 'ended':
      return announcer.interrupt(t(`call.end.${call.phase.reason}`, { name }));
  }
}

function sayPeople(before: CallView, after: CallView): void {
  if (before.phase.type !== 'active' || after.phase.type !== 'active') return;
  const had = new Set(before.participants.map((participant) => participant.id));
  const has = new Set(after.participants.map((participant) => participant.id));
  for (const { id, display_name } of after.participants)
    if (!had.has(id)) announcer.say(t('call.joined', { name: display_name }));
  for (const { id, display_name } of before.participants)
    if (!has.has(id)) announcer.say(t('call.left', { name: display_name }));
}
