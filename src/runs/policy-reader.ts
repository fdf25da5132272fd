import type { Config } from '../config.ts';
import type { CampaignSettings } from '../core/checkpoint.ts';
import type { Policy } from '../core/policy.ts';
import { messageOf } from '../errors.ts';
import type { Report } from '../ports/event-sink.ts';
import type { World } from '../world.ts';

/** Reads the policy again for each batch, so that a changed setting applies from the next one on. A change that is not allowed is told once, and the last good policy stays. */
export function policyReader(world: World, config: Config, settings: CampaignSettings, report: Report): () => Policy {
  let policy = config.policy;
  let told = '';
  return () => {
    try {
      policy = world.config(world.purpose, settings).policy;
    } catch (error) {
      const text = messageOf(error);
      if (text !== told) report.tell({ type: 'notice', level: 'warning', text: `the changed settings are not used: ${text}` });
      told = text;
    }
    return policy;
  };
}
