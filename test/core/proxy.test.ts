import { expect, test } from 'vitest';
import { proxyFor, proxyProblem } from '../../src/core/proxy.ts';

const API = 'https://api.wassenger.com/v1';
const P = 'http://proxy.example:3128';

test.each([
  ['none is named', {}, null],
  ['HTTPS_PROXY', { HTTPS_PROXY: P }, [P, 'HTTPS_PROXY']],
  ['small letters first', { HTTPS_PROXY: 'http://a', https_proxy: P }, [P, 'https_proxy']],
  ['its own variable before the one for all', { ALL_PROXY: 'http://a', HTTPS_PROXY: P }, [P, 'HTTPS_PROXY']],
  ['ALL_PROXY', { ALL_PROXY: P }, [P, 'ALL_PROXY']],
  ['that for http is not for https', { HTTP_PROXY: P }, null],
  ['an empty one is none', { https_proxy: ' ', ALL_PROXY: P }, [P, 'ALL_PROXY']],
  ['an address without a scheme', { HTTPS_PROXY: 'proxy.example:3128' }, [P, 'HTTPS_PROXY']],
  ['NO_PROXY names the host', { HTTPS_PROXY: P, NO_PROXY: 'x.example, api.wassenger.com' }, null],
  ['NO_PROXY names its domain', { HTTPS_PROXY: P, no_proxy: 'wassenger.com' }, null],
  ['NO_PROXY with a point', { HTTPS_PROXY: P, no_proxy: '.wassenger.com' }, null],
  ['NO_PROXY with a star and a point', { HTTPS_PROXY: P, no_proxy: '*.WASSENGER.com' }, null],
  ['NO_PROXY of everything', { HTTPS_PROXY: P, no_proxy: '*' }, null],
  ['NO_PROXY with its port', { HTTPS_PROXY: P, no_proxy: 'api.wassenger.com:443' }, null],
  ['NO_PROXY with another port', { HTTPS_PROXY: P, no_proxy: 'api.wassenger.com:80' }, [P, 'HTTPS_PROXY']],
  ['NO_PROXY of another host that ends alike', { HTTPS_PROXY: P, no_proxy: 'ssenger.com' }, [P, 'HTTPS_PROXY']],
])('%s', (_, env: Record<string, string>, expected) => {
  expect(proxyFor(API, env)).toEqual(expected && { url: expected[0], variable: expected[1] });
});

test.each(['http://127.0.0.1:4010/v1', 'http://localhost/v1', 'https://[::1]:8443/v1', 'no address'])('%s needs none', (address) => {
  expect(proxyFor(address, { ALL_PROXY: P, HTTP_PROXY: P, HTTPS_PROXY: P })).toBe(null);
});

test('one of a kind that is not known is said, without what is secret in it', () => {
  expect(proxyProblem({ url: P, variable: 'X' })).toBe(null);
  const why = proxyProblem({ url: 'socks5://user:word@host:1080', variable: 'ALL_PROXY' });
  expect(why).toMatch(/^names a proxy of a kind that wsend does not know \(socks5:\/\/\); allowed: http:/);
  expect(why).not.toContain('word');
  expect(proxyProblem({ url: 'http://', variable: 'X' })).toMatch(/^names no address/);
});
