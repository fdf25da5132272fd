import type { Insertable } from 'kysely';
import { insertedId } from '../open/dialect.ts';
import { takes } from '../open/room.ts';
import { FIELDS, fieldsOf } from '../stores/prepare-rows.ts';
import { storedText } from '../tables/stored-text.ts';
import type { Messages } from '../tables/table-types.ts';
import { LONGEST_ERROR, LONGEST_LINE } from '../tables/widths.ts';
import type { Working } from './working.ts';

/** What Message 2 of one contact is made of. */
export interface Message2 {
  campaign: number;
  contact: number;
  /** As it was written when the campaign was made of a file; null where it is written from the template. */
  content: string | null;
  template: string;
  /** The line that Message 1 came from, on which Message 2 goes out; null where it is not known. */
  line: string | null;
}

/** What stands for a line that is not known. Every Message 2 of ours has a row: one that another program made is none that wsend sends. */
export const UNKNOWN_LINE = '';

/** Makes the Message 2 row of a contact: pending, or failed where its text cannot be written. */
export async function makeMessage2(working: Working, message: Message2): Promise<'pending' | 'failed'> {
  const { transaction, dialect, now, rooms, text, unwritable } = working;
  const { campaign, contact, line } = message;
  const written = await writtenText(working, message);
  const unfit = unwritable || ('text' in written && !takes(rooms('messages', 'content'), written.text));
  const problem = 'problem' in written ? written.problem : unfit ? 'the database does not take this text' : null;
  const row: Insertable<Messages> = {
    campaign_id: campaign,
    contact_id: contact,
    message_type: 'message_2',
    content: problem === null && 'text' in written ? written.text : '',
    status: problem === null ? 'pending' : 'failed',
    ...(problem !== null && { error_message: text(`message:invalid: ${problem}`, rooms('messages', 'error_message'), LONGEST_ERROR) }),
    retry_count: 0,
    created_at: now,
    updated_at: now,
  };
  const id = await insertedId(dialect, transaction.insertInto('messages').values(row));
  const known = line !== null && line.length <= LONGEST_LINE ? line : UNKNOWN_LINE;
  await transaction.insertInto('wsend_message_2_lines').values({ message_id: id, line: known }).execute();
  return problem === null ? 'pending' : 'failed';
}

async function writtenText({ transaction, write }: Working, { contact, content, template }: Message2) {
  if (content !== null) return { text: storedText(content) };
  const fields = await transaction.selectFrom('contacts').select(FIELDS).where('id', '=', contact).executeTakeFirst();
  if (fields === undefined) return { problem: 'the contact is gone' };
  const written = write(template, fieldsOf(fields));
  return 'text' in written ? { text: storedText(written.text) } : written;
}
