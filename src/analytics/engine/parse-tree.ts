import { allowedExpressions, allowedFunctions, allowedNodes, allowedSources, allowedTableFunctions, allowedTypes } from './allowed.js';

type Tree = Readonly<Record<string, unknown>>;

/** What DuckDB's `json_serialize_sql` makes of a text. */
export interface Serialized {
  error: boolean;
  error_type?: string;
  error_message?: string;
  statements?: { node: Tree; named_param_map?: unknown[] }[];
}

/** Why it is not a question. */
class Objection extends Error {
  override readonly name = 'Objection';
}

const MOST_DEPTH = 200;
/** As DuckDB has it: other letters than these stay as they are, and what looks alike is another name. */
const folded = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
/** What could be the address of a file is no name that a query gives to its parts. */
const NAME = /^[\p{L}\p{M}\p{N}_ -]+$/u;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

/** Why this may not be asked; `undefined` where it may. What is not known to be harmless is refused. */
export function objectionTo(serialized: Serialized, tables: readonly string[]): string | undefined {
  if (serialized.error) {
    const said = (serialized.error_message ?? '').split('\n')[0] ?? '';
    return said.startsWith('Only SELECT') ? 'Only one SELECT may be asked.' : `It cannot be read: ${said}`;
  }
  const [statement, ...more] = serialized.statements ?? [];
  if (!statement || more.length > 0) return 'One statement is asked at a time.';
  try {
    checkNode(statement.node, new Set(tables), 0);
    return undefined;
  } catch (fault) {
    if (fault instanceof Objection) return fault.message;
    throw fault;
  }
}

/** A query, with the names that its own parts give to other queries; each of them is known to those after it alone. */
function checkNode(node: Tree, known: ReadonlySet<string>, depth: number): void {
  const type = String(node.type);
  if (!allowedNodes.has(type)) throw new Objection(type.includes('RECURSIVE') ? 'A query may not call itself.' : `${type} is not allowed.`);
  let names = known;
  const { cte_map: ctes, ...rest } = node;
  for (const { key, value } of (ctes as { map?: { key: string; value: { query: { node: Tree } } & Tree }[] } | undefined)?.map ?? []) {
    const { query, ...others } = value;
    checkNode(query.node, names, depth + 1);
    checkParts(others, names, depth + 1);
    if (!NAME.test(key)) throw new Objection(`A part of a query is named with letters and digits, not ${key}.`);
    names = new Set([...names, folded(key)]);
  }
  checkParts(rest, names, depth + 1);
}

function checkParts(tree: Tree, names: ReadonlySet<string>, depth: number): void {
  if (depth > MOST_DEPTH) throw new Objection('It is nested too deeply.');
  for (const [name, value] of Object.entries(tree)) {
    if (name === 'cast_type') checkType(value as Tree);
    // The value of a constant is data, whatever its fields are called.
    else if (isTree(value) && !(name === 'value' && tree.class === 'CONSTANT')) checkTree(value, names, depth + 1);
  }
}

function checkTree(tree: Tree, names: ReadonlySet<string>, depth: number): void {
  if (Array.isArray(tree)) return checkParts(tree, names, depth);
  if (isTree(tree.node) || String(tree.type).endsWith('_NODE')) {
    const node = isTree(tree.node) ? tree.node : tree;
    return checkNode(node, names, depth + 1);
  }
  if (tree.class !== undefined) checkExpression(tree);
  else if (isSource(tree)) checkSource(tree, names);
  checkParts(tree, names, depth);
}

const isSource = (tree: Tree) =>
  'table_name' in tree || 'function' in tree || 'subquery' in tree || 'show_type' in tree || /^[A-Z_]+$/.test(String(tree.type));

function checkExpression(tree: Tree): void {
  const kind = String(tree.class);
  if (!allowedExpressions.has(kind)) throw new Objection(`${kind} is not allowed.`);
  if (kind !== 'FUNCTION' && kind !== 'WINDOW') return;
  const name = folded(String(tree.function_name));
  const place = [tree.catalog, tree.schema].filter((part) => part !== undefined && part !== '' && part !== 'main');
  if (place.length > 0 || !(allowedFunctions.has(name) || allowedTableFunctions.has(name)))
    throw new Objection(`The function ${name} is not allowed.`);
}

const modifiers = new Set(['ORDER_MODIFIER', 'LIMIT_MODIFIER', 'DISTINCT_MODIFIER', 'LIMIT_PERCENT_MODIFIER']);
const orders = new Set(['ORDER_DEFAULT', 'ASCENDING', 'DESCENDING']);

function checkSource(tree: Tree, names: ReadonlySet<string>): void {
  const type = String(tree.type);
  if (tree.type === undefined || modifiers.has(type) || orders.has(type)) return;
  if (!allowedSources.has(type)) throw new Objection(`${type} is not allowed.`);
  if (tree.at_clause !== undefined) throw new Objection('AT is not allowed.');
  if (type === 'TABLE_FUNCTION') {
    const name = folded(String((tree.function as Tree | undefined)?.function_name));
    if (!allowedTableFunctions.has(name)) throw new Objection(`The function ${name} is not allowed.`);
  }
  if (type !== 'BASE_TABLE') return;
  const name = String(tree.table_name);
  const place = [tree.catalog_name, tree.schema_name].filter((part) => typeof part === 'string' && part !== '');
  if (place.length > 0 || !names.has(folded(name)))
    throw new Objection(`There is no table ${[...place, name].join('.')} to be asked; there are ${[...names].join(', ')}.`);
}

function checkType(tree: Tree): void {
  if (!allowedTypes.has(String(tree.id))) throw new Objection(`The type ${String(tree.id)} is not allowed.`);
}
