import type { Telling } from './alerts.queue.js';
import type { Alert } from './alerts.store.js';
import { rules } from './rules.js';

const shown = ({ rule, value }: Alert) => (rule === 'response_time' ? `${value.toFixed(1)} s` : `${(value * 100).toFixed(1)} %`);

/** For whoever is woken: what, since when, where to look. */
export function wordsOf(alert: Alert, what: Telling['what']): { subject: string; text: string } {
  const { rule, instance, firedAt, resolvedAt } = alert;
  const { says, runbook } = rules[rule];
  const where = instance === null ? '' : `\nInstance: ${instance}`;
  const facts = `${says}.\nValue: ${shown(alert)}${where}\nSince: ${firedAt.toISOString()}`;
  const page = `Runbook: docs/runbooks/${runbook}.md`;
  if (what === 'firing' || resolvedAt === null) return { subject: `Mutirão: ${says}`, text: `${facts}\n\n${page}\n` };
  const minutes = Math.max(1, Math.round((resolvedAt.getTime() - firedAt.getTime()) / 60_000));
  return { subject: `Mutirão, over: ${says}`, text: `${facts}\nOver: ${resolvedAt.toISOString()}, after ${minutes} min\n` };
}
