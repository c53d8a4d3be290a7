import { ERRORS } from '../errors/catalogue.js';
import type { JsonSchema } from './json-schema.js';
import {
  bulkRequest,
  keyRequest,
  subscriptionRequest,
  taskRequest,
  forceEndRequest,
  maintenanceRequest,
  drainRequest,
  queueRequest,
  tenantRequest,
  workflowRequest,
  workflowTask,
} from './request-schemas.js';
import { responseSchemas } from './response-schemas.js';
import { ROUTES, type RouteSpec } from './routes.js';

export const requestSchemas: Readonly<Record<string, JsonSchema>> = {
  TaskRequest: taskRequest,
  BulkRequest: {
    ...bulkRequest,
    properties: {
      tasks: {
        ...(bulkRequest['properties'] as Record<string, JsonSchema>)['tasks'],
        items: { $ref: '#/components/schemas/TaskRequest' },
      },
    },
  },
  WorkflowTask: workflowTask,
  WorkflowRequest: {
    ...workflowRequest,
    properties: {
      ...(workflowRequest['properties'] as Record<string, JsonSchema>),
      tasks: {
        description: 'A map of key to task, or a list of tasks with a `name` each',
        anyOf: [
          {
            type: 'object',
            minProperties: 1,
            additionalProperties: { $ref: '#/components/schemas/WorkflowTask' },
          },
          { type: 'array', minItems: 1, items: { $ref: '#/components/schemas/WorkflowTask' } },
        ],
      },
    },
  },
  ForceEndRequest: forceEndRequest,
  MaintenanceRequest: maintenanceRequest,
  DrainRequest: drainRequest,
  QueueRequest: queueRequest,
  TenantRequest: tenantRequest,
  KeyRequest: keyRequest,
  SubscriptionRequest: subscriptionRequest,
};

/** The OpenAPI 3.1 description of every route. */
export function openApiDocument(version: string): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of ROUTES as readonly RouteSpec[]) {
    const path = route.path.replace('*}', '}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Yardmaster',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description: `Tasks go in, the log remembers, machines do the work. Errors are RFC 9457 problems; \`code\` is one of: ${Object.keys(ERRORS).join(', ')}.`,
    },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', bearerFormat: 'yk_...' } },
      schemas: { ...requestSchemas, ...responseSchemas },
    },
  };
}

function operationOf(route: RouteSpec): JsonSchema {
  const inPath = [...route.path.matchAll(/\{([^}*]+)\*?\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(route.query ?? {}).map(([name, schema]) => ({ name, in: 'query', schema }));
  const inHeader = Object.entries(route.headers ?? {}).map(([name, schema]) => ({
    name,
    in: 'header',
    schema,
  }));
  const { status, schema, type } = route.answer;
  const problem = {
    description: 'A problem',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  return {
    operationId: route.operation,
    tags: [route.tag],
    summary: route.summary,
    ...(route.open ? { security: [] } : {}),
    parameters: [...inPath, ...inQuery, ...inHeader],
    ...(route.body ? { requestBody: bodyOf(route.body) } : {}),
    responses: {
      [String(status)]: {
        description: route.summary,
        ...(schema
          ? { content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } } }
          : {}),
        ...(type ? { content: { [type]: {} } } : {}),
      },
      default: problem,
    },
  };
}

function bodyOf(body: NonNullable<RouteSpec['body']>): JsonSchema {
  const names = body.schema === null ? [] : typeof body.schema === 'string' ? [body.schema] : body.schema;
  const refs = names.map((name) => ({ $ref: `#/components/schemas/${name}` }));
  const schema =
    refs.length === 0 ? { type: 'string', format: 'binary' } : refs.length === 1 ? refs[0] : { anyOf: refs };
  return {
    required: body.optional !== true,
    content: Object.fromEntries(body.types.map((type) => [type, { schema }])),
  };
}
