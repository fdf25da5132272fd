/** A proxy, and the variable that names it. */
export interface NamedProxy {
  url: string;
  variable: string;
}

type Environment = Record<string, string | undefined>;

/**
 * The proxy that an environment names for an address, or null where it names none. Small letters outrank capitals, the scheme's own variable
 * `ALL_PROXY`; `NO_PROXY` lists hosts and domains that are reached directly, and so is this machine always.
 */
export function proxyFor(address: string, env: Environment): NamedProxy | null {
  if (!URL.canParse(address)) return null;
  const { protocol, hostname, port } = new URL(address);
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (/^(localhost|::1|127\.\d+\.\d+\.\d+)$/.test(host)) return null;
  const [own, defaultPort] = protocol === 'https:' ? ['https_proxy', '443'] : ['http_proxy', '80'];
  const names = [own, 'all_proxy'].flatMap((name) => [name, name.toUpperCase()]);
  const variable = names.find((name) => env[name]?.trim());
  if (variable === undefined || isExempt({ host, port: port || defaultPort }, env.no_proxy || env.NO_PROXY || '')) return null;
  const text = (env[variable] as string).trim();
  return { url: /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`, variable };
}

/** Why a proxy cannot be used, as the words after its variable, or null. */
export function proxyProblem({ url }: NamedProxy): string | null {
  const { protocol } = URL.canParse(url) ? new URL(url) : { protocol: '' };
  if (protocol === 'http:' || protocol === 'https:') return null;
  return `names ${protocol === '' ? 'no address' : `a proxy of a kind that wsend does not know (${protocol}//)`}; allowed: http://… or https://…, or the API's host in NO_PROXY to reach it directly`;
}

/** `NO_PROXY`: hosts and domains between commas or blanks, each with a port or without; `*` is every host. */
function isExempt({ host, port }: { host: string; port: string }, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, name = entry, only] = /^(.*?[^:]):(\d+)$/.exec(entry) ?? [];
      const domain = name.replace(/^\*?\./, '').replace(/^\[|\]$/g, '');
      return (only === undefined || only === port) && (host === domain || host.endsWith(`.${domain}`));
    });
}
