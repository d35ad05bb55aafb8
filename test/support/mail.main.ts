import 'reflect-metadata';
import { loadEnvironment, readConfig } from '../../src/config/config.js';
import { runRole } from '../../src/run-role.js';
import { MailLab } from './mail.lab.js';

await runRole(() => readConfig(loadEnvironment(process.env)), [MailLab]);
