import { analyzeSync, type Liquid, Value, type Variable } from 'liquidjs';
import { toVariable } from '../../core/variable.ts';

type Nodes = ReturnType<Liquid['parse']>;

/** One place where a template reads its row. */
export interface Use {
  /** As the template writes it; with a dot when it asks for a part (`contact.name`), which no column has. */
  written: string;
  /** The column it means, see toVariable. */
  variable: string;
  line: number;
  column: number;
  /** True under a `default` filter: an absent column is then an empty one. */
  optional: boolean;
  /** True in a condition (`if`, `unless`, `case`): a template that asks whether it is empty knows what to do then. */
  tested: boolean;
  /** True when it asks for something that a text does not have. */
  part: boolean;
}

/** Every place where the template reads its row, in order, and every name it mentions at all (its own `assign`ed ones too). */
export function usesOf(nodes: Nodes): { uses: Use[]; names: string[] } {
  const analysis = analyzeSync(nodes, { partials: false });
  const places = { optional: optionalPlaces(nodes), tested: new Set(placesTested(nodes)) };
  const uses = Object.values(analysis.globals)
    .flat()
    .map((variable) => toUse(variable, places))
    .sort((a, b) => a.line - b.line || a.column - b.column);
  const roots = Object.values(analysis.variables)
    .flat()
    .map((variable) => variable.segments[0]);
  return { uses, names: [...new Set(roots)].filter((root) => typeof root === 'string') };
}

/** The first expression made of several values with nothing between them (`{{ first_name last_name }}`: Liquid would drop the second). */
export function looseValue(nodes: Nodes): [line: number, column: number] | undefined {
  for (const value of valuesIn(nodes)) {
    const { postfix } = value.initial;
    let depth = 0;
    for (const token of postfix) depth += 'operator' in token ? (token.operator === 'not' ? 0 : -1) : 1;
    if (depth > 1) return postfix[0]?.getPosition() as [number, number] | undefined;
  }
  return undefined;
}

function toUse(found: Variable, { optional, tested }: { optional: Set<string>; tested: Set<string> }): Use {
  const { row: line, col: column } = found.location;
  const rest = found.segments.slice(1);
  const part = rest.length > 0 && !(rest.length === 1 && (rest[0] === 'size' || typeof rest[0] === 'number'));
  const written = part ? found.toString() : String(found.segments[0]);
  const place = `${line}:${column}`;
  const variable = toVariable(String(found.segments[0]));
  return { written, variable, line, column, optional: optional.has(place), tested: tested.has(place), part };
}

function optionalPlaces(nodes: Nodes): Set<string> {
  const places = new Set<string>();
  for (const value of valuesIn(nodes)) {
    if (value.initial.postfix.length !== 1 || !value.filters.some((filter) => filter.name === 'default')) continue;
    const position = value.initial.postfix[0]?.getPosition();
    if (position) places.add(position.join(':'));
  }
  return places;
}

const CONDITIONS = new Set(['if', 'unless', 'case']);

function* placesTested(nodes: Nodes): Generator<string> {
  for (const node of nodes) {
    if (CONDITIONS.has((node as { name?: string }).name ?? ''))
      for (const argument of node.arguments?.() ?? [])
        if (argument instanceof Value) for (const token of argument.initial.postfix) yield token.getPosition().join(':');
    const children = node.children?.(false, true);
    if (children) yield* placesTested(childrenOf(children));
  }
}

function* valuesIn(nodes: Nodes): Generator<Value> {
  for (const node of nodes) {
    for (const argument of node.arguments?.() ?? []) if (argument instanceof Value) yield argument;
    const children = node.children?.(false, true);
    if (children) yield* valuesIn(childrenOf(children));
  }
}

function childrenOf(children: Generator<unknown, Nodes>): Nodes {
  let step = children.next();
  while (!step.done) step = children.next(step.value);
  return step.value;
}
