import type { Page } from '@yardmaster/sdk';
import { CommandError, EXIT, usage } from '../exit.js';
import { homeOf, withYard, type Action } from '../invocation.js';
import { note, out, outputForm, printData, printList, printOne, type View } from '../output/print.js';
import { recoverKey } from './recover-key.js';

interface TenantResponse {
  readonly id: string;
  readonly number: number;
  readonly subscription: string;
  readonly trusted: boolean;
}
interface KeyResponse {
  readonly keyId: string;
  readonly key: string;
}

const TENANTS: View<TenantResponse> = {
  columns: [
    { title: 'NAME', of: (t) => t.id },
    { title: 'NUMBER', of: (t) => String(t.number) },
    { title: 'SUBSCRIPTION', of: (t) => t.subscription },
    { title: 'TRUSTED', of: (t) => (t.trusted ? 'yes' : 'no') },
  ],
  name: (t) => t.id,
  none: 'no tenants',
};

const tenantPath = (name: string): string => `/v1/tenants/${encodeURIComponent(name)}`;

export const createKey: Action = async ({ options }) => {
  if (options['recover'] === true) return recoverKey(await homeOf(options));
  return withYard(options, async (yard) => {
    const { tenant, role, name } = options as { tenant?: string; role?: string; name?: string };
    const made = await yard.call<KeyResponse>({
      method: 'POST',
      path: `${tenantPath(tenant ?? 'default')}/keys`,
      json: { role, ...(name === undefined ? {} : { name }) },
      repeatable: false,
    });
    const form = outputForm(options);
    if (form === 'json' || form === 'yaml') await printData(made, form);
    else {
      out(made.key);
      note(`key ${made.keyId}: it is shown this once`);
    }
    return EXIT.ok;
  });
};

export const revokeKey: Action = ({ args: [keyId = ''], options }) =>
  withYard(options, async (yard) => {
    await yard.call({
      method: 'DELETE',
      path: `${tenantPath(String(options['tenant']))}/keys/${encodeURIComponent(keyId)}`,
      repeatable: true,
    });
    note(`key ${keyId} is revoked`);
    return EXIT.ok;
  });

export const listTenants: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const page = await yard.call<Page<TenantResponse>>({
      method: 'GET',
      path: '/v1/tenants',
      repeatable: true,
    });
    await printList(page.items, TENANTS, options, page);
    return EXIT.ok;
  });

export const getTenant: Action = ({ args: [name = ''], options }) =>
  withYard(options, async (yard) => {
    const tenant = await yard.call<TenantResponse>({
      method: 'GET',
      path: tenantPath(name),
      repeatable: true,
    });
    await printOne(
      tenant,
      tenant.id,
      [
        ['name', tenant.id],
        ['number', String(tenant.number)],
        ['subscription', tenant.subscription],
        ['trusted', tenant.trusted ? 'yes' : 'no'],
      ],
      options,
    );
    return EXIT.ok;
  });

export const putTenant: Action = ({ args: [name = ''], options }) =>
  withYard(options, async (yard) => {
    const { subscription, trusted } = options as { subscription?: string; trusted?: boolean };
    const tenant = await yard.call<TenantResponse>({
      method: 'PUT',
      path: tenantPath(name),
      json: {
        ...(subscription === undefined ? {} : { subscription }),
        ...(trusted === undefined ? {} : { trusted }),
      },
      repeatable: true,
    });
    await printList([tenant], TENANTS, options, tenant);
    return EXIT.ok;
  });

export const putSubscription: Action = ({ args: [name = ''], options }) =>
  withYard(options, async (yard) => {
    const bounds: Record<string, number | null> = {};
    for (const bound of ['tasksPerHour', 'burstPerSecond', 'maxWaiting', 'weight']) {
      const given = options[bound];
      if (given === undefined) continue;
      const value = given === 'none' ? null : Number(given);
      if (value !== null && !Number.isFinite(value))
        throw usage(`a bound is a number or \`none\`, not ${String(given)}`);
      bounds[bound] = value;
    }
    if (Object.keys(bounds).length === 0)
      throw new CommandError(EXIT.usage, 'no bound is named', 'for example: --tasks-per-hour 1000');
    await printData(
      await yard.call({
        method: 'PUT',
        path: `/v1/subscriptions/${encodeURIComponent(name)}`,
        json: bounds,
        repeatable: true,
      }),
      outputForm(options) === 'json' ? 'json' : 'yaml',
    );
    return EXIT.ok;
  });
