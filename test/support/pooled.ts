import { inject } from 'vitest';

process.env.TESTS_POOLER = inject('pooler');
process.env.TESTS_SERVER = inject('databaseUrl');
