export const KEY = 'k3y0123456789abcdef0123456789abcdef';
export const DEVICE = '65aa00000000000000000001';
export const MESSAGE = { reference: 'wsend-42-17-k3v9x0qd', phone: '+22997000017', content: 'Hello' };
export const WANTED = { reference: MESSAGE.reference, phone: MESSAGE.phone, line: DEVICE };
