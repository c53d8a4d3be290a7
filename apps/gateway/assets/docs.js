// Shows /openapi.json as it is; every text goes in as text.
const main = document.getElementById('calls');

function element(name, props = {}, ...children) {
  const made = Object.assign(document.createElement(name), props);
  made.append(...children);
  return made;
}

function schemaName(schema) {
  if (schema === undefined) return '';
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1);
  if (schema.anyOf !== undefined) return schema.anyOf.map(schemaName).filter(Boolean).join(' or ');
  return schema.format === 'binary' ? 'bytes' : '';
}

function fields(rows, heads) {
  const table = element(
    'table',
    {},
    element('tr', {}, ...heads.map((title) => element('th', { textContent: title }))),
  );
  for (const row of rows)
    table.append(element('tr', {}, ...row.map((text) => element('td', { textContent: text }))));
  return table;
}

function call(method, path, operation, schemas) {
  const more = element(
    'details',
    {},
    element(
      'summary',
      {},
      element('span', { className: 'method', textContent: method.toUpperCase() }),
      element('code', { textContent: path }),
      element('span', { className: 'quiet', textContent: operation.summary }),
    ),
  );
  more.addEventListener('toggle', () => {
    if (!more.open || more.children.length > 1) return;
    if (operation.parameters.length > 0) {
      more.append(
        fields(
          operation.parameters.map(({ name, in: where, schema }) => [
            name,
            where,
            schema.description ?? (schema.enum ?? [schema.type]).join(', '),
          ]),
          ['Parameter', 'In', 'What'],
        ),
      );
    }
    const content = operation.requestBody?.content ?? {};
    const types = Object.keys(content);
    if (types.length > 0) {
      more.append(element('p', { textContent: `Body: ${types.join(', ')}` }));
      for (const name of schemaName(content[types[0]].schema).split(' or ').filter(Boolean))
        more.append(example(name, schemas));
    }
    const [status, answer] = Object.entries(operation.responses)[0];
    const answerSchema = schemaName(Object.values(answer.content ?? {})[0]?.schema);
    more.append(
      element('p', {
        textContent: `Answers ${status}${answerSchema === '' ? '' : ` with ${answerSchema}`}; anything else is a problem.`,
      }),
    );
    if (answerSchema !== '' && schemas[answerSchema] !== undefined)
      more.append(example(answerSchema, schemas));
  });
  return more;
}

function example(name, schemas) {
  return element(
    'details',
    {},
    element('summary', { textContent: name }),
    element('pre', { textContent: JSON.stringify(schemas[name], null, 2) }),
  );
}

try {
  const document_ = await (await fetch('/openapi.json')).json();
  main.append(element('p', { className: 'quiet', textContent: document_.info.description }));
  const tags = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const [tag] = operation.tags;
      if (!tags.has(tag)) tags.set(tag, element('section', {}, element('h2', { textContent: tag })));
      tags.get(tag).append(call(method, path, operation, document_.components.schemas));
    }
  }
  main.append(...tags.values());
} catch (error) {
  document.getElementById('notice').textContent = `the description could not be read: ${error.message}`;
}
