import { z } from 'zod';
import { normalEmail } from '../kernel/email.js';
import { nameShape, phoneShape } from '../users/users.dto.js';

const MOST_PASSWORD_LETTERS = 200;
const MOST_TOKEN_LETTERS = 2_000;

const emailShape = z
  .string()
  .transform((given) => normalEmail(given) ?? '')
  .refine((email) => email !== '', 'must be an e-mail address')
  .meta({ type: 'string', format: 'email', examples: ['ana@example.org'] });

// However a keyboard writes an accent, it is the same password.
const passwordShape = z.string().normalize('NFC');

export const newPasswordShape = passwordShape
  .min(10, 'must have at least 10 characters')
  .max(MOST_PASSWORD_LETTERS, `must have at most ${MOST_PASSWORD_LETTERS} characters`);

export const registerShape = z
  .strictObject({
    email: emailShape,
    password: newPasswordShape,
    name: nameShape,
    phone: phoneShape.optional(),
    messagingConsent: z.boolean().optional(),
  })
  .meta({ id: 'Registration' });
export type RegisterBody = z.output<typeof registerShape>;

export const loginShape = z
  .strictObject({ email: emailShape, password: passwordShape.max(MOST_PASSWORD_LETTERS), otp: z.string().max(40).optional() })
  .meta({ id: 'Login' });
export type LoginBody = z.output<typeof loginShape>;

const linkToken = z.string().max(200);

export const forgotShape = z.strictObject({ email: emailShape }).meta({ id: 'ForgottenPassword' });
export type ForgotBody = z.output<typeof forgotShape>;

export const resetShape = z.strictObject({ token: linkToken, password: newPasswordShape }).meta({ id: 'NewPassword' });
export type ResetBody = z.output<typeof resetShape>;

export const verifyShape = z.strictObject({ token: linkToken }).meta({ id: 'EmailProof' });
export type VerifyBody = z.output<typeof verifyShape>;

export const refreshShape = z.strictObject({ refreshToken: z.string().max(MOST_TOKEN_LETTERS) }).meta({ id: 'Refresh' });
export type RefreshBody = z.output<typeof refreshShape>;
