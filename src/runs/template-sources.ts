import type { Campaign } from '../core/campaign.ts';
import { type RefusedEntry, refusedRows } from '../core/refused-rows.ts';
import { textProblem } from '../core/text.ts';
import { trimmed } from '../core/trimmed.ts';
import { UsageError } from '../errors.ts';
import type { OddText } from '../ports/renderer.ts';
import type { World } from '../world.ts';

/** What a text in the database may name: the columns of `contacts`. */
export const CONTACT_FIELDS = ['first_name', 'last_name', 'full_number', 'phone_number', 'country_code'];

/** What is to be done with a row before anything is sent. */
export type Verdict = { kind: 'fine' } | { kind: 'literal' } | { kind: 'fill'; text: string } | { kind: 'refused'; reason: string };

/** The texts of one campaign of the database. */
export interface CampaignTexts {
  /** The fields that Message 2 cannot do without. */
  needed: readonly string[];
  /** Fields that Message 1 names under a default although contacts have none of that name. */
  absent(): Promise<string[]>;
  /** Understands message_1, so that `write` can be called. A UsageError where it cannot be understood or names what no contact has. */
  understand(): Promise<void>;
  /** The text of a contact, from message_1. */
  write(fields: Record<string, string>): { text: string } | { problem: string };
  judge(row: OddText): Promise<Verdict>;
}

/**
 * Texts are read as a run reads them. Message 2 is understood at once: a UsageError where it cannot be, or names what no contact has; of a campaign
 * that was made of a file, it was written then.
 */
export async function textsOf(world: World, campaign: Campaign): Promise<CampaignTexts> {
  const { id, message1, message2 } = campaign;
  const ofFile = await (await world.data()).texts.ofFile(id);
  const second = ofFile || !message2?.trim() ? null : await understood(world, message2, `message_2 of campaign ${id}`);
  let first: Awaited<ReturnType<typeof understood>> | null = null;
  const understand = async () => {
    first ??= await understood(world, message1 ?? '', `message_1 of campaign ${id}`);
  };
  const problemOf = (written: { text: string } | { problem: string } | undefined) =>
    written !== undefined && 'problem' in written ? written.problem : null;

  function write(fields: Record<string, string>): { text: string } | { problem: string } {
    if (first === null) throw new Error('message_1 is not understood yet');
    const written = first.write(fields);
    const problem = problemOf(written) ?? problemOf(second?.write(fields));
    return problem === null ? written : { problem };
  }

  return {
    needed: second?.required ?? [],
    understand,
    write,
    async absent() {
      await understand();
      return first?.absent(CONTACT_FIELDS) ?? [];
    },
    async judge({ content, fields }) {
      if (trimmed(content) !== '') {
        const problem = textProblem(content) ?? problemOf(second?.write(fields));
        if (problem !== null) return { kind: 'refused', reason: problem };
        return !ofFile && /\{\{|\{%/.test(content) ? { kind: 'literal' } : { kind: 'fine' };
      }
      if (!message1?.trim()) return { kind: 'refused', reason: 'the text is empty, and so is message_1 of its campaign' };
      await understand();
      const written = write(fields);
      return 'text' in written ? { kind: 'fill', text: written.text } : { kind: 'refused', reason: written.problem };
    },
  };
}

async function understood(world: World, text: string, what: string) {
  const template = await world.template(text, what);
  const unknown = template.unknown(CONTACT_FIELDS);
  if (unknown.length > 0) throw new UsageError(`${unknown.join('; ')}; the fields are ${CONTACT_FIELDS.join(', ')}`);
  return template;
}

/** Rows that cannot be sent: how many, and the first of them. */
export class Refused {
  count = 0;
  readonly #first: RefusedEntry[] = [];

  add(row: string, reason: string): void {
    this.count += 1;
    if (this.#first.length < 5) this.#first.push({ row, reason });
  }

  /** `3 messages of campaign 42 cannot be sent: …` */
  error(campaign: number): UsageError {
    const many = this.count === 1 ? '1 recipient' : `${this.count} recipients`;
    const list = refusedRows(this.#first, this.count);
    return new UsageError(
      `${many} of campaign ${campaign} cannot be sent to:${list}`,
      'Nothing was sent. Correct them in the database, or leave them out with --skip-invalid.',
    );
  }
}
