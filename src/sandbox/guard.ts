import { problem, type Reply } from './contact-reply.ts';

/** Where a request comes from, as far as that can be told. */
export interface Visitor {
  /** The address of the other end. */
  remote: string;
  /** Headers; empty where absent. */
  host: string;
  origin: string;
  fetchSite: string;
}

/**
 * Refuses every caller that is not a person or a program of this machine: another machine, a web page under a foreign name that leads here (its `Host`
 * gives it away), and a page of another site that makes a browser call us (`Origin`, `Sec-Fetch-Site`). Null lets in.
 */
export function refuseStrangers({ remote, host, origin, fetchSite }: Visitor): Reply | null {
  if (!isLoopback(remote)) return problem(403, 'This is for the machine that the sandbox runs on');
  if (!isLoopbackName(host)) return problem(403, `This is not reached as "${host.slice(0, 60)}", but as 127.0.0.1 or localhost`);
  const isForeign =
    (origin !== '' && origin !== `http://${host}`) || (fetchSite !== '' && fetchSite !== 'same-origin' && fetchSite !== 'none');
  return isForeign ? problem(403, 'A page of another site may not call the sandbox') : null;
}

/** The same for the page itself, to which a link of another site may lead. */
export function refuseStrangersOfPage(visitor: Visitor): Reply | null {
  return refuseStrangers({ ...visitor, origin: '', fetchSite: '' });
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}

function isLoopbackName(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i.test(host);
}
