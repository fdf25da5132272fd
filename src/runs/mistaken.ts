import { mistakenPlaces } from '../core/mistaken-places.ts';
import type { World } from '../world.ts';
import { CONTACT_FIELDS } from './template-sources.ts';

/** The longest part of a text that is repeated in a notice. */
const LONGEST = 60;

/** Says where texts hold marks of another program, which everyone would get as they stand. `columns`: what a text may name. */
export function tellMistaken({ show }: World, texts: [what: string, text: string | null][], columns: string[]): void {
  for (const [what, text] of texts) {
    for (const { written, advice } of mistakenPlaces(text ?? '', columns)) {
      const part = written.length > LONGEST ? `${[...written].slice(0, LONGEST - 1).join('')}…` : written;
      show.aside(`  ${what}: ${part} is sent as it stands; ${advice}`);
    }
  }
}

/** The same for a campaign of the database. One that cannot be read is reported by the command that needs it. */
export async function tellMistakenIn(world: World, id: number): Promise<void> {
  const campaign = await world
    .data()
    .then(({ campaigns }) => campaigns.find(id))
    .catch(() => undefined);
  if (campaign === undefined) return;
  const texts: [string, string | null][] = [
    [`message_1 of campaign ${id}`, campaign.message1],
    [`message_2 of campaign ${id}`, campaign.message2],
  ];
  tellMistaken(world, texts, CONTACT_FIELDS);
}
