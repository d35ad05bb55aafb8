import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';

export interface Source {
  path: string;
  text: string;
}

export interface Import {
  /** The path of the file where it is one of ours, else the name of the package. */
  target: string;
  ours: boolean;
  /** Nothing of it is left when the program runs. */
  typeOnly: boolean;
  /** Loaded when asked for, not when the importing file is. */
  late: boolean;
}

const ignored = new Set(['node_modules', 'dist', '.build', '.data', '.engines', '.git', 'coverage']);

export function readSources(...places: string[]): Source[] {
  return places
    .flatMap((place) => {
      if (/\.\w+$/.test(place)) return [place];
      return readdirSync(place, { recursive: true, encoding: 'utf8' }).map((name) => posix.join(place, name));
    })
    .filter((path) => /\.(ts|mjs|js)$/.test(path) && !path.split('/').some((part) => ignored.has(part)))
    .sort()
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

const trees = new WeakMap<Source, ts.SourceFile>();

export function treeOf(source: Source): ts.SourceFile {
  const tree = trees.get(source) ?? ts.createSourceFile(source.path, source.text, ts.ScriptTarget.Latest);
  trees.set(source, tree);
  return tree;
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean, late = false) => {
    if (!specifier || !ts.isStringLiteral(specifier)) return;
    const { text } = specifier;
    const ours = text.startsWith('.');
    found.push({
      target: ours ? posix.join(posix.dirname(source.path), text).replace(/\.js$/, '.ts') : text,
      ours,
      typeOnly,
      late,
    });
  };
  walk(treeOf(source), (node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, namesOnlyTypes(node));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], false, true);
  });
  return found;
}

function namesOnlyTypes({ importClause }: ts.ImportDeclaration): boolean {
  if (!importClause) return false;
  if (importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = importClause.namedBindings;
  return !importClause.name && !!names && ts.isNamedImports(names) && names.elements.every((name) => name.isTypeOnly);
}
