import { describe, expect, it } from 'vitest';
import { describeDatabaseError, withDatabaseErrors } from '../../../../src/adapters/sql/open/database-errors.ts';
import { openDatabase } from '../../../../src/adapters/sql/open/sql-database.ts';
import { DatabaseUnreachable, InfrastructureError, UsageError } from '../../../../src/errors.ts';

const error = (message: string, fields: object) => Object.assign(new Error(message), fields);
const sqliteError = (fields: object) => error('', { code: 'ERR_SQLITE_ERROR', ...fields });

describe('an address', () => {
  it.each([
    ['', /not an address/],
    ['wsend.db', /not an address/],
    ['mongodb://localhost/x', /unknown kind "mongodb:"/],
    ['mysql://root:hunter2@localhost', /names no database on MySQL at localhost:3306/],
    ['postgres://u:hunter2@host:port/x', /cannot be read/],
    ['postgres://u:hunter2@localhost/x?sslmode=verify-ca', /cannot be used/],
  ])('%s is refused as wrong use, without showing its password', async (url, message) => {
    const refused = await openDatabase(url).catch((e) => e);
    expect(refused).toBeInstanceOf(UsageError);
    expect(refused.message).toMatch(message);
    expect(`${refused.message} ${refused.next}`).not.toContain('hunter2');
  });

  it('where nobody listens is unreachable', async () => {
    for (const url of ['postgres://u:p@127.0.0.1:1/x', 'mysql://u:p@127.0.0.1:1/x', 'mariadb://u:p@localhost:1/x']) {
      const refused = await openDatabase(url).catch((e) => e);
      expect(refused).toBeInstanceOf(DatabaseUnreachable);
      expect(refused.message).toMatch(/^cannot reach (PostgreSQL|MySQL) at (127\.0\.0\.1|localhost):1 \(connection refused\)$/);
    }
    const nowhere = await openDatabase('postgres://u:p@no-such-host.invalid/x').catch((e) => e);
    expect(nowhere.message).toMatch(
      /^cannot reach PostgreSQL at no-such-host\.invalid:5432 \((no such host|its name cannot be resolved now)\)$/,
    );
  });
});

describe('an error of the driver', () => {
  it.each([
    [error('', { code: '53300', severity: 'FATAL' }), 'X has too many connections'],
    [error('', { code: '25006', severity: 'ERROR' }), 'X is read-only'],
    [error('', { code: 'ER_LOCK_WAIT_TIMEOUT', errno: 1205 }), 'X is locked by another program'],
    [sqliteError({ errcode: 522, sqliteCodeName: 'SQLITE_IOERR' }), 'X cannot be read or written (disk error)'],
    [sqliteError({ errcode: 1544, sqliteCodeName: 'SQLITE_READONLY' }), 'X is read-only'],
    [sqliteError({ errcode: 11, sqliteCodeName: 'SQLITE_CORRUPT' }), 'X is damaged'],
    [error('Connection terminated unexpectedly', {}), 'cannot reach X (connection lost)'],
    [error('', { code: 'PROTOCOL_CONNECTION_LOST', fatal: true }), 'cannot reach X (connection lost)'],
    [error('self-signed', { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 'cannot reach X (its certificate is not trusted)'],
  ])('means that the database is gone or unwell: %s', (thrown, message) => {
    const described = describeDatabaseError(thrown, 'X', 'open');
    expect(described).toBeInstanceOf(DatabaseUnreachable);
    expect(described?.message).toBe(message);
  });

  it('that is a refusal shows no whole phone number, and is wrong use only while opening', () => {
    const thrown = error(`Duplicate entry '+22961234567' for key`, { code: 'ER_DUP_ENTRY', errno: 1062 });
    const described = describeDatabaseError(thrown, 'X', 'open');
    expect(described?.message).toBe(`X refused: Duplicate entry '+229******67' for key`);
    expect(described).toBeInstanceOf(InfrastructureError);
    expect(described).not.toBeInstanceOf(DatabaseUnreachable);
    expect(describeDatabaseError(thrown, 'X', 'opening')).toBeInstanceOf(UsageError);
  });

  it('is told apart from errors of other origin, which pass unchanged', async () => {
    const others = [
      new TypeError('x is not a function'),
      error('EISDIR', { code: 'EISDIR', errno: -21 }),
      new UsageError('bad certificate'),
      'text',
    ];
    for (const other of others) await expect(withDatabaseErrors({ name: 'X' }, () => Promise.reject(other))).rejects.toBe(other);
  });
});
