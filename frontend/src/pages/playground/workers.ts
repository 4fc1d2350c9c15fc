// Editors check text in workers. They are bundled from here, because the entry that GraphiQL offers
// for Vite can't be bundled ahead by its development server.
import EditorWorker from 'monaco-editor/esm/vs/editor/editor.worker.js?worker';
import JsonWorker from 'monaco-editor/esm/vs/language/json/json.worker.js?worker';
import GraphQLWorker from 'monaco-graphql/esm/graphql.worker.js?worker';

Object.assign(globalThis, {
  MonacoEnvironment: {
    getWorker(_id: string, language: string): Worker {
      if (language === 'graphql') return new GraphQLWorker();
      return language === 'json' ? new JsonWorker() : new EditorWorker();
    },
  },
});
