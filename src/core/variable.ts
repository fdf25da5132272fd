/**
 * The name under which a column is known to templates: `First Name`, `first-name` and ` PRÉNOM ` are `first_name`, `first_name`, `prenom`.
 * Lower case, Latin accents taken off, everything but letters and digits one `_`, none at the ends. Empty when nothing is left.
 * Templates and headers both go through it, so that how a spreadsheet writes a name never decides whether it is found.
 */
export function toVariable(name: string): string {
  return name
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, '_')
    .replace(/^_|_$/g, '');
}
