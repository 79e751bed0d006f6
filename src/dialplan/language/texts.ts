import type { Place } from '../../base/diagnostic.js';
import { mapped, text, unexpected, type Shape } from '../../base/shape/index.js';
import type { CallerId, Template } from '../plan.js';

/** Where a template was written: checks of variables point there. */
const places = new WeakMap<Template, Place>();

export function placeOfTemplate(template: Template): Place | undefined {
  return places.get(template);
}

export interface TemplateOptions {
  readonly expected?: string;
  readonly empty?: boolean;
  readonly maxLength?: number;
  /** Says what is wrong with a text that holds no variables, or undefined. */
  readonly check?: (text: string) => string | undefined;
}

/** Text in which a call's variables may stand. */
export function template(options: TemplateOptions = {}): Shape<Template> {
  const expected = options.expected ?? 'text';
  return {
    expected,
    read(node, reader) {
      if (node.kind !== 'text') return unexpected(node, expected, reader);
      if (node.text === '' && !(options.empty === true && node.quoted))
        return unexpected(node, expected, reader);
      if (node.text.length > (options.maxLength ?? 4096)) {
        return reader.refuse(
          node,
          'too-long',
          `a text of at most ${options.maxLength ?? 4096} characters is expected here`,
        );
      }
      const wrong = node.parts === undefined ? options.check?.(node.text) : undefined;
      if (wrong !== undefined)
        return reader.refuse(node, 'unexpected', `expected ${expected}, found "${node.text}": ${wrong}`);
      const read: Template = { source: node.text, parts: node.parts ?? [node.text] };
      places.set(read, node.place);
      return read;
    },
    schema: () => ({ type: ['string', 'number'] }),
  };
}

const SEPARATORS = /[\s().-]/g;
const DIALLABLE = /^\+?[0-9*#]{1,40}$/;

/** A number to call or to show, visual separators taken out; undefined when it is none. */
export function readNumberText(written: string): string | undefined {
  const bare = written.replace(SEPARATORS, '');
  return DIALLABLE.test(bare) ? bare : undefined;
}

/** A number, with variables or without. */
export const numberTemplate: Shape<Template> = mapped(
  template({
    expected: 'a number such as "+12025550100"',
    check: (written) =>
      readNumberText(written) === undefined
        ? 'a number has digits, * and #, and may begin with +'
        : undefined,
  }),
  (read) => {
    const [only] = read.parts;
    if (read.parts.length > 1 || typeof only !== 'string') return read;
    const number = readNumberText(only) ?? only;
    const clean: Template = { source: read.source, parts: [number] };
    const place = places.get(read);
    if (place !== undefined) places.set(clean, place);
    return clean;
  },
);

/** A number without variables. */
export const plainNumber: Shape<string> = mapped(
  text({ digits: true, expected: 'a number such as "+12025550100"' }),
  (written, node, reader) =>
    readNumberText(written) ?? unexpected(node, 'a number such as "+12025550100"', reader),
);

/** `keep`, `anonymous`, `local-presence`, or a number. */
export const callerId: Shape<CallerId> = {
  expected: 'keep, anonymous, local-presence or a number',
  read(node, reader) {
    if (
      node.kind === 'text' &&
      (node.text === 'keep' || node.text === 'anonymous' || node.text === 'local-presence')
    ) {
      return { kind: node.text };
    }
    if (node.kind !== 'text' || (node.parts === undefined && readNumberText(node.text) === undefined)) {
      return unexpected(node, this.expected, reader);
    }
    const number = numberTemplate.read(node, reader);
    return number === null ? null : { kind: 'number', number };
  },
  schema: () => ({
    anyOf: [{ enum: ['keep', 'anonymous', 'local-presence'] }, { type: ['string', 'number'] }],
  }),
};
