import { gql, type TypedDocumentNode } from '@urql/core';

/** A document that knows what it asks for and what comes back. Written by `npm run codegen`, see src/gql. */
export function typed<Data, Variables extends object>(text: string): TypedDocumentNode<Data, Variables> {
  return gql(text) as TypedDocumentNode<Data, Variables>;
}
