import { SetMetadata } from '@nestjs/common';
import type { z } from 'zod';

/** In which an answer may come as well, as text without a shape. */
type TextType = 'text/event-stream' | 'text/plain';

/** What the documentation tells of a route, beyond what its schemas already tell. */
export interface RouteWords {
  /** The group of routes it belongs to, by use. */
  group: string;
  summary: string;
  detail?: string;
  /** Headers that it reads beyond those of every route. */
  headers?: Record<string, { says: string; required?: true; example?: string }>;
  /** A body that it takes as it stands, where it takes any. */
  body?: object;
  /** The form that it takes as an upload. */
  upload?: z.ZodType;
  /** Whether nobody should begin to use it. */
  deprecated?: true;
  /** Answers by status: their words, and their shape where it is not empty. */
  answers: Record<number, { says: string; shape?: z.ZodType; example?: unknown; type?: string; alsoTypes?: readonly TextType[] }>;
}

export const ROUTE_WORDS = Symbol('route words');

export const Says = (words: RouteWords) => SetMetadata(ROUTE_WORDS, words);
