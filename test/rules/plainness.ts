import ts from 'typescript';
import { importsOf, treeOf, walk, type Source } from './sources.js';

const LONGEST = 300;
const readsEnvironment = /^src\/(config\/|cli\/|main\.ts$|cluster\.ts$)/;

export function lengthFaults(sources: readonly Source[]): string[] {
  return sources
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > LONGEST)
    .map(({ path, lines }) => `${path}: ${lines} lines`);
}

export function environmentFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path.startsWith('src/') && !readsEnvironment.test(path))
    .filter((source) => {
      let touched = importsOf(source).some(({ target }) => /^(node:)?process$/.test(target));
      walk(treeOf(source), (node) => {
        if (ts.isPropertyAccessExpression(node) && node.name.text === 'env' && isNamed(node.expression, 'process')) touched = true;
        if (ts.isElementAccessExpression(node) && isNamed(node.expression, 'process')) touched = true;
        if (ts.isVariableDeclaration(node) && node.initializer && isNamed(node.initializer, 'process')) touched = true;
      });
      return touched;
    })
    .map(({ path }) => `${path} reads process.env`);
}

const isNamed = (node: ts.Node, ...names: string[]) => ts.isIdentifier(node) && names.includes(node.text);

/** Ways round the compiler, the linter and the tests. */
export function wayRoundFaults(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const tree = treeOf(source);
    const found = new Set<string>();
    const comments = /(?<!['"`])(\/\/|\/\*)\s*(@ts-(?:ignore|nocheck)|eslint-disable)/g;
    for (const [, , word] of source.text.matchAll(comments)) found.add(word ?? '');
    walk(tree, (node) => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.add('any');
      if (ts.isPropertyAccessExpression(node) && /^(only|skip|todo)$/.test(node.name.text)) {
        let root: ts.Expression = node.expression;
        while (ts.isPropertyAccessExpression(root) || ts.isCallExpression(root)) root = root.expression;
        if (isNamed(root, 'it', 'test', 'describe')) found.add(`.${node.name.text}`);
      }
    });
    return [...found].map((word) => `${source.path}: ${word}`);
  });
}
