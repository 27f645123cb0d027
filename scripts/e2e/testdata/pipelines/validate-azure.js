// Validates pipeline files as Microsoft's editors do: validate-azure.js NODE_MODULES SCHEMA FILE… prints what it finds, a line each.
const fs = require('fs');
const path = require('path');

console.log = () => {}; // the service speaks of itself there
const [modules, schemaFile, ...files] = process.argv.slice(2);
const { getLanguageService } = require(path.join(modules, 'azure-pipelines-language-service'));
const { parse } = require(path.join(modules, 'azure-pipelines-language-service', 'lib', 'parser', 'yamlParser'));
const { TextDocument } = require(path.join(modules, 'vscode-languageserver-types'));

const schema = JSON.parse(fs.readFileSync(schemaFile, 'utf8'));
// The schema is given as an object: as a text it validates nothing, and says nothing of that.
const service = getLanguageService(async () => schema, [], async () => 'file:///schema.json', undefined, Promise);
service.configure({ validate: true });

(async () => {
  let code = 0;
  for (const file of files) {
    const text = fs.readFileSync(file, 'utf8');
    const document = TextDocument.create('file://' + path.resolve(file), 'azure-pipelines', 1, text);
    for (const finding of await service.doValidation(document, parse(text, []))) {
      process.stdout.write(`${path.basename(file)}:${finding.range.start.line + 1}: ${finding.message.slice(0, 200)}\n`);
      code = 1;
    }
  }
  process.exitCode = code;
})();
