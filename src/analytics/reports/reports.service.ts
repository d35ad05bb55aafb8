import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Caller } from '../../http/caller.js';
import { untilGone } from '../../http/until-gone.js';
import { Refusal } from '../../kernel/problems.js';
import { formats, type ReportQuery } from '../analytics.dto.js';
import { Answers, ownerOf } from './answers.service.js';
import { periodOf, plusDays } from './days.js';
import { reportNames, reports, type ReportName } from './reports.js';

const MOST_DAYS = 3_660;

const isReport = (name: string): name is ReportName => Object.hasOwn(reports, name);

@Injectable()
export class Reports {
  constructor(private readonly answers: Answers) {}

  list({ role }: Caller) {
    const seen = reportNames.filter((name) => role === 'admin' || !reports[name].adminsOnly);
    return seen.map((name) => ({ name, says: reports[name].says, formats, adminsOnly: reports[name].adminsOnly ?? false }));
  }

  async report(caller: Caller, name: string, { format, ...asked }: ReportQuery, reply: FastifyReply) {
    if (!isReport(name)) throw new Refusal('not_found', `There is no such report; there are ${reportNames.join(', ')}.`);
    const report = reports[name];
    if (report.adminsOnly && caller.role !== 'admin')
      throw new Refusal('forbidden', 'This report belongs to no campaign; it is for admins.');
    const period = periodOf(asked);
    if (period.from > period.to) throw wrong('must not be after to');
    if (period.from < plusDays(period.to, -MOST_DAYS)) throw wrong(`must be at most ${MOST_DAYS} days before to`);
    const [sql, owner, title] = [report.sql(period), ownerOf(caller), `${name}, ${period.from} – ${period.to}`];
    if (format !== 'json') return this.answers.file(reply, format, sql, owner, title, `${name}-${period.from}-${period.to}`);
    return { name, ...period, ...(await this.answers.table(sql, owner, title, untilGone(reply).signal)) };
  }
}

/** Of the two days as they are meant, told or not. */
const wrong = (message: string) => new Refusal('validation_failed', '1 field is not valid', [{ path: 'from', message }]);
