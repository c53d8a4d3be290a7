import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Put, Req } from '@nestjs/common';
import type { ScriptResponse } from '@yardmaster/contracts';
import type { Subscription } from '@yardmaster/domain';
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../auth/caller.js';
import { Accounts, type TenantJson } from '../../platform/accounts.js';
import { ScriptStore } from '../../scripts/script-store.js';
import { CallerParam, JsonBody } from '../caller.decorator.js';

/** Tenants, keys, subscriptions and the scripts of a tenant. */
@Controller('v1')
export class AccountsController {
  constructor(
    @Inject(Accounts) private readonly accounts: Accounts,
    @Inject(ScriptStore) private readonly scripts: ScriptStore,
  ) {}

  @Get('tenants')
  list(): Promise<{ items: TenantJson[]; nextCursor: null }> {
    return this.accounts.list();
  }

  @Get('tenants/:id')
  get(@CallerParam() caller: Caller, @Param('id') id: string): Promise<TenantJson> {
    return this.accounts.get(caller, id);
  }

  @Put('tenants/:id')
  put(@Param('id') id: string, @JsonBody() body: unknown): Promise<TenantJson> {
    return this.accounts.put(id, body);
  }

  @Post('tenants/:id/keys')
  @HttpCode(201)
  createKey(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @JsonBody() body: unknown,
  ): Promise<{ keyId: string; key: string }> {
    return this.accounts.createKey(caller, id, body);
  }

  @Put('tenants/:id/keys')
  @HttpCode(201)
  putKey(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @JsonBody() body: unknown,
  ): Promise<{ keyId: string; key: string }> {
    return this.accounts.createKey(caller, id, body);
  }

  @Delete('tenants/:id/keys/:keyId')
  revokeKey(@Param('keyId') keyId: string): Promise<{ ok: true }> {
    return this.accounts.revokeKey(keyId);
  }

  @Put('subscriptions/:name')
  putSubscription(@Param('name') name: string, @JsonBody() body: unknown): Promise<Subscription> {
    return this.accounts.putSubscription(name, body);
  }

  @Put('scripts/*')
  putScript(@CallerParam() { identity }: Caller, @Req() request: FastifyRequest): Promise<ScriptResponse> {
    const path = (request.params as Record<string, string>)['*'] ?? '';
    return this.scripts.put(identity, path, (request.body as Buffer | undefined) ?? Buffer.alloc(0));
  }
}
