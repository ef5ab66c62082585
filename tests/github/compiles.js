// Prism passes over a schema that its validator can't compile, without a word, and whatever is
// judged by it passes. This names those schemas: `node compiles.js MODULES DESCRIPTION`.
'use strict';
const { createRequire } = require('module');
const { resolve } = require('path');

const load = createRequire(resolve(process.argv[2], 'prism.js'));
const prism = load('@stoplight/prism-http');
const within = createRequire(load.resolve('@stoplight/prism-http'));
const Ajv = within('ajv').default;
const addFormats = within('ajv-formats').default;
const ajv = new Ajv({ allowUnionTypes: true, allowMatchingProperties: true, strict: false, logger: false });
addFormats(ajv);

function schemas(operation) {
  const bodies = [operation.request?.body, ...operation.responses].filter(Boolean);
  return bodies.flatMap((body) =>
    (body.contents ?? []).map((content) => [`${body.code ?? 'request'}`, content.schema]));
}

prism.getHttpOperationsFromSpec(resolve(process.argv[3])).then((operations) => {
  let judged = 0;
  for (const operation of operations) {
    for (const [where, schema] of schemas(operation)) {
      if (!schema) continue;
      judged += 1;
      try {
        ajv.compile({ ...schema, __bundled__: operation.__bundled__ });
      } catch (error) {
        console.log(`${operation.method.toUpperCase()} ${operation.path} ${where}: ${error.message}`);
      }
    }
  }
  console.error(`${judged} schemas`);
});
