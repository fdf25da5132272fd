/**
 * The words that headers of phone columns are made of, in the languages of the usual exports (Google, Outlook, iCloud) and forms:
 * English, French, Spanish, Portuguese, German, Italian, Arabic. Lower case, without accents, singular and plural. The first kinds are
 * the likelier to hold a WhatsApp number.
 */
const WORDS = {
  whatsapp: 'whatsapp whatsap watsapp wapp wa wpp wsp واتساب الواتساب واتس الواتس',
  mobile:
    'mobile mobiles mob cell cells cellular cellphone cel iphone portable portables gsm mobil handy handys mobilfunk movil moviles celular celulares cellulare cellulari movel moveis telemovel telemoveis جوال الجوال موبايل الموبايل محمول المحمول خلوي الخلوي نقال النقال متحرك المتحرك',
  phone:
    'phone phones ph telephone telephones tel tels telephonique telefonico telefonici telefon telefone telefones telefono telefonos telefoni telf tlf tfno fon fone fones rufnummer rufnummern msisdn هاتف الهاتف هواتف الهواتف تلفون التلفون تليفون التليفون',
  number: 'number numbers numero numeros num nums nummer nummern numeri رقم الرقم ارقام الارقام',
  /** A number by these alone counts rows or names something else. */
  short: 'no nos nr n nro',
  /** Whose number it is: the recipient's own. With a number, that is a phone number, too. */
  contact: 'contact contacts contacto contactos contato contatos contatto contatti kontakt kontakte recapito recapiti التواصل الاتصال',
  /** Where it rings. */
  place:
    'home work business office other bureau domicile travail maison autre pro professionnel casa trabajo oficina otro otros particular trabalho escritorio comercial residencial outro outros ufficio abitazione lavoro altro privat geschaftlich geschaeftlich arbeit weitere weiteres المنزل العمل',
  beside:
    'value valeur valor wert valore primary main principal principale haupt first second my your mon votre meu seu su client clients cliente clientes customer customers kunde kunden member membre membres user private personal personnel perso personale pessoal full complet international',
  joining: 'de du des d do da del dos della di do el il la le l of the to a e and und et y s o',
} as const;

type Kind = keyof typeof WORDS;

const KIND_OF = new Map(Object.entries(WORDS).flatMap(([kind, words]) => words.split(' ').map((word) => [word, kind as Kind] as const)));

/** The shortest word that is looked for inside others: one letter is a word by itself alone. */
const SHORTEST_INSIDE = 2;
/** A longer word is no word of ours. */
const LONGEST = 40;

/**
 * How likely a column of this name is to hold the WhatsApp number of the person: 0 the likeliest, undefined where it is no phone column.
 * A name with any other word in it (`Phone type`, `Company phone`, `Fax`) is none: it may be another person's, or no number at all.
 */
export function phoneRank(name: string): number | undefined {
  const kinds = new Set<Kind>();
  for (const word of wordsOf(name)) {
    const parts = partsOf(word);
    if (parts === undefined) return undefined;
    for (const part of parts) kinds.add(part);
  }
  const number = kinds.has('number') || kinds.has('short');
  if (kinds.has('whatsapp') || /^full_?number$/i.test(name.trim())) return 0;
  if (kinds.has('mobile')) return 1;
  if (kinds.has('phone')) return kinds.has('place') ? 4 : 2;
  if (kinds.has('contact') && number) return kinds.has('place') ? 4 : 3;
  // A number that belongs to a person may be any: a member's, a client's.
  return kinds.has('number') && !kinds.has('place') && !kinds.has('beside') ? 3 : undefined;
}

/** Its words, without what is no letter: `phone` of `Phone1`; `tel`, `portable`, `n` of `Tél. portable n°2`. */
function wordsOf(name: string): string[] {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== '');
}

/** The kinds of the words that a word is made of (`phonenumber`, `Handynummer`), or undefined where some part of it is none. */
function partsOf(word: string): Kind[] | undefined {
  const whole = KIND_OF.get(word);
  if (whole !== undefined) return [whole];
  if (word.length > LONGEST) return undefined;
  for (let end = word.length - SHORTEST_INSIDE; end >= SHORTEST_INSIDE; end--) {
    const first = KIND_OF.get(word.slice(0, end));
    const rest = first && partsOf(word.slice(end));
    if (first && rest) return [first, ...rest];
  }
  return undefined;
}
