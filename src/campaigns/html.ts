import sanitize from 'sanitize-html';

const options: sanitize.IOptions = {
  allowedTags: [
    'p',
    'br',
    'strong',
    'em',
    'b',
    'i',
    'u',
    'h2',
    'h3',
    'ul',
    'ol',
    'li',
    'blockquote',
    'a',
    'img',
    'figure',
    'figcaption',
    'hr',
  ],
  allowedAttributes: { a: ['href', 'rel'], img: ['src', 'alt'] },
  allowedSchemes: ['https'],
  allowedSchemesByTag: { a: ['https', 'http', 'mailto'] },
  allowProtocolRelative: false,
  nestingLimit: 20,
  // An address without its beginning would be one of ours.
  exclusiveFilter: ({ tag, attribs: { src = '' } }) => tag === 'img' && !/^https:\/\//i.test(src),
  transformTags: { a: sanitize.simpleTransform('a', { rel: 'nofollow noopener ugc' }) },
};
/** What a page may show as it is: no script, no style, no frame, no form. */
export const cleanHtml = (given: string): string => sanitize(given, options).trim();
