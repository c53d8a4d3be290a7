import { context, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { inHandlerSpan } from './handler-span.js';

type Processor = NonNullable<NonNullable<ConstructorParameters<typeof NodeSDK>[0]>['spanProcessors']>[number];
let ended: Parameters<Processor['onEnd']>[0][] = [];
const sdk = new NodeSDK({
  spanProcessors: [
    {
      onStart: () => undefined,
      onEnd: (span) => {
        ended.push(span);
      },
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    },
  ],
  instrumentations: [],
});
sdk.start();
afterAll(() => sdk.shutdown());
beforeEach(() => {
  ended = [];
});

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const attempt = { taskId: '7', attempt: 2, name: 'resize' };

describe('the span of a handler', () => {
  it("hangs under the yard's span of the attempt, and spans of the handler under it", async () => {
    const inside = await inHandlerSpan(traceparent, attempt, async () => {
      await Promise.resolve();
      return trace.getSpan(context.active());
    });
    const [span] = ended;
    expect(span).toMatchObject({
      name: 'handle resize',
      attributes: { 'yard.task.id': '7', 'yard.attempt': 2 },
      parentSpanContext: { spanId: 'b7ad6b7169203331' },
    });
    expect(span?.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(inside?.spanContext()).toEqual(span?.spanContext());
  });

  it('tells a failure, and passes it on', async () => {
    const fail = (): never => {
      throw new Error('oops');
    };
    expect(() => inHandlerSpan(traceparent, attempt, fail)).toThrow('oops');
    await expect(
      inHandlerSpan(traceparent, attempt, () => Promise.reject(new Error('late'))),
    ).rejects.toThrow('late');
    expect(ended.map(({ status, events }) => [status.code, events[0]?.name])).toEqual([
      [2, 'exception'],
      [2, 'exception'],
    ]);
  });

  it('is left out for what is no traceparent', () => {
    expect(inHandlerSpan('garbage', attempt, () => 5)).toBe(5);
    expect(ended).toEqual([]);
  });
});
