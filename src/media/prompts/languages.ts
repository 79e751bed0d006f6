const LANGUAGE = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$/;

/** `de-CH` → `de-CH`, `de`, then the default and its base. What is no language tag is left out. */
export function languageChain(language: string | undefined, fallback: string): string[] {
  const chain = new Set<string>();
  for (const tag of [language, fallback]) {
    if (tag === undefined || !LANGUAGE.test(tag)) continue;
    const parts = tag.split('-');
    for (let count = parts.length; count > 0; count--) chain.add(parts.slice(0, count).join('-'));
  }
  return [...chain];
}

/** The text for a language, and the language it is in. Undefined where there is none at all. */
export function chooseText(
  text: string | Readonly<Record<string, string>>,
  language: string | undefined,
  fallback: string,
): { text: string; language: string } | undefined {
  const chain = languageChain(language, fallback);
  if (typeof text === 'string') return { text, language: chain[0] ?? fallback };
  const [asked] = chain;
  const own = chain.find((tag) => Object.hasOwn(text, tag));
  // Who asked for `de` is served by `de-CH` sooner than by another language.
  const near =
    asked === undefined
      ? undefined
      : Object.keys(text).find((tag) => tag.split('-', 1)[0] === asked.split('-', 1)[0]);
  const base = (tag: string | undefined): string | undefined => tag?.split('-', 1)[0];
  const chosen = base(own) === base(asked) ? own : (near ?? own);
  const key = chosen ?? Object.keys(text).find((tag) => LANGUAGE.test(tag));
  return key === undefined ? undefined : { text: text[key] ?? '', language: key };
}
