import type { Finding } from '../core/outcome.ts';
import type { Milliseconds } from '../core/units.ts';
import type { Clock, Provider } from '../ports.ts';

/**
 * Shares of the look-up time between one look and the next: soon, because most answers are lost after acceptance, and last at the very end.
 * Each is waited by itself, so that a clock that is set forward does not make the whole shorter.
 */
const WAITS = [0, 0.2, 0.3, 0.5];
/** Questions in flight at once. */
const AT_ONCE = 4;

/** What is looked up: our reference, and the number and line that it went to. */
export interface Wanted {
  reference: string;
  phone: string;
  /** Null when only the database knows of the message: which line it went on is not written there. */
  line: string | null;
}

/** What a look-up takes. */
export interface Means {
  provider: Provider;
  clock: Clock;
  /** How long a reference is looked for before it counts as absent (`WASSENGER_LOOKUP_SECONDS`). */
  lookupMs: Milliseconds;
}

/**
 * Looks references up several times over `lookupMs`, because it is not known how soon an accepted message is listed. A `found` is final at
 * once, and so is barred; absent only when the last look says so; unsure when the last look cannot tell, or when `abandon` was aborted before it.
 */
export async function lookUpAll({ provider, clock, lookupMs }: Means, wanted: Wanted[], abandon?: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = wanted.map(() => ABANDONED);
  for (const share of WAITS) {
    await clock.sleep(clock.now() + Math.ceil(share * lookupMs), abandon);
    if (abandon?.aborted) break;
    const open = [...wanted.keys()].filter((i) => !isFinal(findings[i]));
    const ask = async () => {
      for (let i = open.pop(); i !== undefined && !abandon?.aborted; i = open.pop())
        findings[i] = await provider.lookUp(wanted[i] as Wanted);
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, open.length) }, ask));
  }
  return abandon?.aborted ? findings.map((finding) => (isFinal(finding) ? finding : ABANDONED)) : findings;
}

function isFinal(finding: Finding | undefined): finding is Finding {
  return finding?.kind === 'found' || finding?.kind === 'barred';
}

/** Looks up one reference; see lookUpAll. */
export async function lookUpReference(means: Means, wanted: Wanted, abandon?: AbortSignal): Promise<Finding> {
  const [finding] = await lookUpAll(means, [wanted], abandon);
  return finding ?? ABANDONED;
}

const ABANDONED: Finding = { kind: 'unsure', reason: 'the run was stopped while it was looked up', reachable: true };
