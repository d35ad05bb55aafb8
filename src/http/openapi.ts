import { isDeepStrictEqual } from 'node:util';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { problems } from '../kernel/problems.js';
import { AccessGuard } from './access.guard.js';
import { operationIdOf } from './description.js';
import { FORM_TYPE_NAME } from './forms.js';
import type { RoutePolicy } from './policy.js';
import { speaksOpenai } from './problem.js';
import type { RouteWords } from './says.js';
import { UPLOAD_TYPE_NAME } from './uploads.js';

type Components = Record<string, object>;
type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const INTRODUCTION = `Campaigns, donations, an AI gateway, messages and business questions.
Sign in, press **Authorize** with the access token, and every example works as it is, once tokens and codes in it are your own. Errors are problems (RFC 9457) with a stable \`code\`, below \`/v1\` in the shape of OpenAI.`;

/** The description of all routes, from their schemas, policies and words: what `npm run documents` writes to openapi.json. */
export function openApiDocument(app: NestFastifyApplication, version: string): OpenAPIObject {
  const frame = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Mutirão')
    .setDescription(INTRODUCTION)
    .setVersion(version)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer('/')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An access token, or an API key (`mt_…`).' }, 'bearer')
    .build();
  const document = SwaggerModule.createDocument(app, frame, { operationIdFactory: (controller, method) => `${controller}.${method}` });
  const routes = new Map(
    app
      .get(AccessGuard)
      .routes()
      .map((route) => [route.name, route]),
  );
  const groups = new Set<string>();
  const components: Components = {};
  components.Problem = schemaOf(problem, components);
  components.OpenAIError = schemaOf(openaiProblem, components);
  for (const [address, path] of Object.entries(document.paths)) {
    for (const operation of Object.values(path as Record<string, Operation>)) {
      const { operationId: name = '' } = operation;
      const route = routes.get(name);
      if (route) describe(operation, route.policy, route.words, components);
      refuse(operation, speaksOpenai(address));
      for (const tag of operation.tags ?? []) groups.add(tag);
      operation.operationId = operationIdOf(name);
    }
  }
  document.tags = [...groups].sort().map((name) => ({ name }));
  document.components = { ...document.components, schemas: { ...document.components?.schemas, ...components } };
  return document;
}

function describe(operation: Operation, policy: RoutePolicy | undefined, words: RouteWords | undefined, components: Components): void {
  operation.tags = [words?.group ?? 'Other'];
  operation.summary = words?.summary;
  operation.description = words?.detail;
  if (words?.deprecated) operation.deprecated = true;
  for (const [name, { says, required = false, example }] of Object.entries(words?.headers ?? {}))
    operation.parameters?.push({ name, in: 'header', required, description: says, example, schema: { type: 'string' } });
  if (takesNothing(operation)) delete operation.requestBody;
  // Nest knows nothing of what a route reads itself.
  if (words?.upload)
    operation.requestBody = { required: true, content: { [UPLOAD_TYPE_NAME]: { schema: schemaOf(words.upload, components) } } };
  describeBody(operation, policy, words);
  operation.security = policy?.access === 'public' ? [] : [{ bearer: [] }];
  operation.responses = Object.fromEntries(
    Object.entries(words?.answers ?? {}).map(([status, { says, shape, example, type = 'application/json', alsoTypes = [] }]) => [
      status,
      {
        description: says,
        ...(shape && {
          content: {
            [type]: { schema: schemaOf(shape, components), ...(example === undefined ? {} : { example }) },
            ...Object.fromEntries(alsoTypes.map((other) => [other, { schema: { type: 'string' } }])),
          },
        }),
      },
    ]),
  );
}

function refuse(operation: Operation, openai: boolean): void {
  const [type, shape] = openai ? ['application/json', 'OpenAIError'] : ['application/problem+json', 'Problem'];
  const refusal = (says: string) => ({ description: says, content: { [type]: { schema: { $ref: `#/components/schemas/${shape}` } } } });
  operation.responses['4XX'] = refusal(openai ? 'Refused: `error.code` says why.' : 'Refused: `code` says why.');
  operation.responses['5XX'] = refusal('Not now: `Retry-After` says when to come again.');
}

/** Nest tells of every body as if it had to be there. */
function takesNothing({ requestBody }: Operation): boolean {
  if (requestBody === undefined || '$ref' in requestBody) return false;
  const schema = requestBody.content['application/json']?.schema;
  return schema !== undefined && 'properties' in schema && isDeepStrictEqual(schema.properties, {});
}

/** Examples stand beside the schema: what its shape has of them is lost on the way through Nest. */
function describeBody({ requestBody }: Operation, policy: RoutePolicy | undefined, words: RouteWords | undefined): void {
  if (requestBody === undefined || '$ref' in requestBody) return;
  const { content } = requestBody;
  for (const media of Object.values(content)) if (words?.body) media.example = words.body;
  const json = content['application/json'];
  if (policy?.forms && json) content[FORM_TYPE_NAME] = json;
}

/** Shapes with an id of their own become components; the rest stands where it is used. */
function schemaOf(shape: z.ZodType, components: Components): object {
  const made = JSON.stringify(z.toJSONSchema(shape, { io: 'output' })).replaceAll('#/$defs/', '#/components/schemas/');
  const { $schema: _dialect, $defs, ...schema } = JSON.parse(made, withoutNoise) as Components & { $schema?: string; $defs?: Components };
  Object.assign(components, $defs);
  return schema;
}

const named = ['uuid', 'date-time', 'email'];

/** Bounds of any number, and patterns of what has a name: whoever makes samples of them makes none that looks like anything. */
function withoutNoise(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { minimum, maximum, format, pattern, ...rest } = value as Record<string, unknown>;
  if (typeof format !== 'string' && typeof minimum !== 'number' && typeof maximum !== 'number') return value;
  return {
    ...rest,
    ...(format === undefined ? {} : { format }),
    ...(pattern === undefined || named.includes(String(format)) ? {} : { pattern }),
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
  };
}

const code = z.enum(Object.keys(problems) as [string, ...string[]]);

const openaiProblem = z.object({ error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code }) });

const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code,
  detail: z.string(),
  instance: z.string().optional(),
  requestId: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
